"""From a checked problem to differentiable coefficients: a solver by device, then the active sets."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from .active_set import on_support
from .checks import Problem
from .local import Gram
from .products import times


def solve_problem(problem: Problem, lam: Tensor, start: Tensor | None) -> Tensor:
    """Coefficients (p, m) at penalties (m,), differentiable in them and in the problem."""
    gram, cov = problem.gram, problem.cov
    with torch.no_grad():
        # Excluded variables stay out also where λ is zero.
        threshold = torch.where(problem.weights == torch.inf, torch.inf, lam * problem.weights)
        solution, active, missed = _backend(gram)(gram, cov, threshold, start)
    if missed:
        warnings.warn(
            f"{missed} of {cov.shape[1]} lasso targets stopped short of the tolerance;"
            " gram may not be positive semi-definite, or nearly collinear beyond its precision.",
            RuntimeWarning,
            stacklevel=3,
        )
    if not (torch.is_grad_enabled() and (gram.requires_grad or cov.requires_grad or lam.requires_grad)):
        return solution
    signed = torch.where(active, problem.weights * solution.sign(), 0.0)
    return on_support(gram, cov - lam * signed, active, solution)


def largest_penalty(problem: Problem) -> Tensor:
    """λ_max of every target, (m,)."""
    residual = problem.cov
    if problem.unpenalised:
        free = problem.weights == 0
        base = on_support(problem.gram, problem.cov, free)
        residual = torch.where(free, 0.0, problem.cov - times(problem.gram, base))
    weights = torch.where(problem.weights == 0, torch.inf, problem.weights)
    which = (residual.detach().abs() / weights).argmax(dim=0, keepdim=True)
    return (residual.gather(0, which).abs() / weights.gather(0, which))[0]


def _backend(gram: Gram) -> Callable[..., tuple[Tensor, Tensor, int]]:
    # Solvers load when first used: compiled code has no business in an import of the package.
    if isinstance(gram, Tensor) and gram.device.type == "cuda":
        from .batched import solve as solve_batched

        return solve_batched
    from .cpu import solve as solve_compiled

    return solve_compiled
