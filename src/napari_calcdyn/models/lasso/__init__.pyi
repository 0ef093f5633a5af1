from .lasso import lambda_max as lambda_max
from .lasso import lasso_path as lasso_path
from .lasso import solve_lasso as solve_lasso
from .path import LassoPath as LassoPath
