"""The lasso behind the dynamics: many targets, one Gram matrix, differentiable.

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

import warnings

import torch
from torch import Tensor

from napari_calcdyn.models._lasso_input import Problem, check_penalty, check_problem, check_warm_start
from napari_calcdyn.models._lasso_support import on_support

__all__ = ["lambda_max", "solve_lasso"]


def solve_lasso(
    gram: Tensor,
    cov: Tensor,
    penalty: Tensor | float,
    *,
    weights: Tensor | None = None,
    warm_start: Tensor | None = None,
) -> Tensor:
    r"""Solve the lasso of every target at its penalty.

    Minimises :math:`\frac12 a^T G a - c_j^T a + \lambda_j \sum_k w_{kj} |a_k|` for every column of `cov`.
    On the active set S with signs s the solution is :math:`a_S = G_{SS}^{-1}(c_S - \lambda w_S s)`; that
    expression is what is differentiated, so the result has derivatives of any order in `gram`, `cov` and
    `penalty`. In double precision the optimality conditions hold to 1e-9 of the target's largest penalty.

    Parameters
    ----------
    gram : Tensor (p, p), float32 or float64
        Gram matrix of the predictors, ``ZᵀZ/n``; symmetric, positive semi-definite.
    cov : Tensor (p, m)
        Covariance of predictors and targets, ``ZᵀY/n``.
    penalty : float or Tensor, scalar or (m,)
        λ of all targets or of each; not negative.
    weights : Tensor (p,) or (p, m), optional
        Penalty weights, 1 by default; 0 leaves a variable unpenalised. No gradient flows into them.
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
    accelerated proximal gradient over all targets at once, ending in the same exact solve.
    """
    problem = check_problem(gram, cov, weights)
    lam = check_penalty(penalty, problem)
    start = check_warm_start(warm_start, problem)
    with torch.no_grad():
        threshold = _thresholds(lam, problem)
        solution, active, missed = _solve(problem, threshold, start)
    if missed:
        warnings.warn(
            f"{missed} of {cov.shape[1]} lasso targets stopped short of the tolerance; gram may not"
            " be positive semi-definite.",
            RuntimeWarning,
            stacklevel=2,
        )
    if not (torch.is_grad_enabled() and (gram.requires_grad or cov.requires_grad or lam.requires_grad)):
        return solution
    signed = torch.where(active, problem.weights * solution.sign(), 0.0)
    return on_support(gram, cov - lam * signed, active, solution)


def lambda_max(gram: Tensor, cov: Tensor, weights: Tensor | None = None) -> Tensor:
    """Smallest penalty at which every penalised coefficient is zero.

    ``max_k |c_k| / w_k``; with unpenalised variables (weight 0), `cov` is taken after regressing them out.

    Parameters
    ----------
    gram : Tensor (p, p), float32 or float64
        Gram matrix of the predictors.
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
    return _lambda_max(check_problem(gram, cov, weights))


def _lambda_max(problem: Problem) -> Tensor:
    residual = problem.cov
    if problem.unpenalised:
        free = problem.weights == 0
        base = on_support(problem.gram, problem.cov, free)
        residual = torch.where(free, 0.0, problem.cov - problem.gram @ base)
    weights = torch.where(problem.weights == 0, torch.inf, problem.weights)
    which = (residual.detach().abs() / weights).argmax(dim=0, keepdim=True)
    return (residual.gather(0, which).abs() / weights.gather(0, which))[0]


def _thresholds(lam: Tensor, problem: Problem) -> Tensor:
    """``λ w``, with excluded variables at infinity also where λ is zero."""
    return torch.where(problem.weights == torch.inf, torch.inf, lam * problem.weights)


def _solve(problem: Problem, threshold: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor, int]:
    # Solvers load when first used: compiled code has no business in an import of the package.
    if problem.gram.device.type == "cuda":
        from napari_calcdyn.models import _lasso_batched

        return _lasso_batched.solve(problem.gram, problem.cov, threshold, start)
    from napari_calcdyn.models import _lasso_cpu

    return _lasso_cpu.solve(problem.gram, problem.cov, threshold, start)
