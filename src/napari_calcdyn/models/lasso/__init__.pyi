from .lasso import lambda_max as lambda_max, lasso_path as lasso_path, solve_lasso as solve_lasso
from .local import LocalGram as LocalGram
from .path import LassoPath as LassoPath
