"""The lasso behind the dynamics: many targets, one Gram matrix or one for each, differentiable.

Every target ``j`` (a column of `cov`) has its own problem over the same variables::

    min_a  ½ aᵀ G a − c_jᵀ a + λ_j Σ_k w_kj |a_k|

With ``G = ZᵀZ/n`` and ``c_j = Zᵀy_j/n`` that is ``1/(2n) ‖y_j − Z a‖² + λ_j Σ_k w_kj |a_k|`` and a constant.

Degenerate designs give finite values and finite gradients:

- A constant column (zero on the diagonal of `gram`) has coefficient exactly 0 and gradient 0.
- Of equal or opposite columns the first in order may enter, in every target, whatever the warm start; its
  twins have coefficient exactly 0 and gradient 0. Where weights differ, the lightest one counts as first.
- Where an active set becomes collinear, also with more variables than samples, one of its members leaves
  along the direction that keeps the fit and does not raise the penalty. Active sets are never singular.
- At ``λ ≥ λ_max`` every penalised coefficient is exactly 0, and so is the gradient.
- The derivative is the one of the piece of the solution that was found; at a knot, where two pieces meet,
  that is a one-sided derivative.
- NaN, infinite values, a negative penalty, an asymmetric `gram`, wrong shapes, dtypes or devices raise
  `InputError`.
"""

from __future__ import annotations

from torch import Tensor

from napari_calcdyn.recording import InputError

from .checks import check_penalty, check_problem, check_warm_start
from .local import Gram, LocalGram
from .path import LassoPath, trace
from .solve import largest_penalty, solve_problem

__all__ = ["LassoPath", "LocalGram", "lambda_max", "lasso_path", "solve_lasso"]


def solve_lasso(
    gram: Gram,
    cov: Tensor,
    penalty: Tensor | float,
    *,
    weights: Tensor | None = None,
    warm_start: Tensor | None = None,
) -> Tensor:
    r"""Solve the lasso of every target at its penalty.

    Minimises $\frac12 a^T G a - c_j^T a + \lambda_j \sum_k w_{kj} |a_k|$ for every column of `cov`.
    On the active set S with signs s the solution is $a_S = G_{SS}^{-1}(c_S - \lambda w_S s)$; that
    expression is what is differentiated, so the result has derivatives of any order in `gram`, `cov` and
    `penalty`. In double precision the optimality conditions hold to 1e-9 of the target's largest penalty.

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram, float32 or float64
        Gram matrix of the predictors, ``ZᵀZ/n``; symmetric, positive semi-definite. Or one for each target, whose
        predictors then are its own: p of them in every target.
    cov : Tensor (p, m)
        Covariance of predictors and targets, ``ZᵀY/n``.
    penalty : float or Tensor, scalar or (m,)
        λ of all targets or of each; not negative.
    weights : Tensor (p,) or (p, m), optional
        Penalty weights, 1 by default; 0 leaves a variable unpenalised, infinity leaves it out. No gradient flows into
        them.
    warm_start : Tensor (p, m), optional
        Coefficients to start from, such as those of the training step before; only the speed depends on it.

    Returns
    -------
    Tensor (p, m)
        Coefficients; exactly 0 outside the active sets.

    Raises
    ------
    InputError
        Where an argument has another shape, dtype or device, holds NaN or infinite values, where `gram` is
        not symmetric, or `penalty` or `weights` are negative.

    Notes
    -----
    On the CPU: coordinate descent (Friedman, Hastie & Tibshirani 2010, J. Stat. Softw. 33:1) finds the signs,
    and a descent over orthants ends in an exact Cholesky solve (Lee et al. 2007, NIPS 19). On CUDA:
    accelerated proximal gradient over all targets at once, ending in the same exact solve. With a `LocalGram` the
    processor solves on every device, with the same kernels.
    """
    problem = check_problem(gram, cov, weights)
    lam = check_penalty(penalty, problem)
    start = check_warm_start(warm_start, problem)
    return solve_problem(problem, lam, start)


def lasso_path(
    gram: Gram, cov: Tensor, *, weights: Tensor | None = None, max_knots: int | None = None
) -> LassoPath:
    """Follow the exact lasso path of every target from λ_max down (LARS with the lasso modification).

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram, float32 or float64
        Gram matrix of the predictors, ``ZᵀZ/n``, or one for each target.
    cov : Tensor (p, m)
        Covariance of predictors and targets, ``ZᵀY/n``.
    weights : Tensor (p,) or (p, m), optional
        Penalty weights, 1 by default; variables with weight 0 are in the model from the first knot on, those with an
        infinite one never.
    max_knots : int, optional
        Stop a target after so many knots; by default paths end at λ = 0.

    Returns
    -------
    LassoPath
        Knots, events, and coefficients anywhere on the path.

    Raises
    ------
    InputError
        As `solve_lasso`, or where `max_knots` is less than 1.
    """
    problem = check_problem(gram, cov, weights)
    if max_knots is not None and max_knots < 1:
        raise InputError(f"max_knots must be at least 1; it is {max_knots}.")
    return trace(problem, max_knots)


def lambda_max(gram: Gram, cov: Tensor, weights: Tensor | None = None) -> Tensor:
    """Smallest penalty at which every penalised coefficient is zero.

    ``max_k |c_k| / w_k``; with unpenalised variables (weight 0), `cov` is taken after regressing them out.

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram, float32 or float64
        Gram matrix of the predictors, or one for each target.
    cov : Tensor (p, m)
        Covariance of predictors and targets.
    weights : Tensor (p,) or (p, m), optional
        Penalty weights, 1 by default.

    Returns
    -------
    Tensor (m,)
        Differentiable in `cov` and, with unpenalised variables, in `gram`; zero where none is penalised.

    Raises
    ------
    InputError
        As `solve_lasso`.
    """
    return largest_penalty(check_problem(gram, cov, weights))
