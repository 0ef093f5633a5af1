"""Differentiable solve on fixed active sets: where the lasso's gradient comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .local import Gram, joined, parts
from .products import outer


class _OnSupport(torch.autograd.Function):
    """``x_S = G_SS⁻¹ r_S`` per column; backward is the same solve, so derivatives of any order exist."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        right: Tensor,
        active: Tensor,
        solution: Tensor | None,
        pairs: Tensor | None,
    ) -> Tensor:
        gram = joined(values, pairs)
        # An own tensor in both cases: autograd must see an output here, not one of the arguments.
        solution = _backend(gram)(gram, right, active) if solution is None else solution.detach()
        ctx.save_for_backward(values, active, solution, pairs)
        return solution

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, None, None, None]:
        values, active, solution, pairs = ctx.saved_tensors
        gram = joined(values, pairs)
        adjoint = on_support(gram, grad, active)
        gram_grad = -outer(gram, adjoint, solution) if ctx.needs_input_grad[0] else None
        return gram_grad, adjoint, None, None, None


def _backend(gram: Gram) -> Callable[[Any, Tensor, Tensor], Tensor]:
    if isinstance(gram, Tensor) and gram.device.type == "cuda":
        from .batched import solve_on_support
    else:
        from .cpu import solve_on_support
    return solve_on_support


def on_support(gram: Gram, right: Tensor, active: Tensor, solution: Tensor | None = None) -> Tensor:
    """Solve ``gram[S, S] x[S, j] = right[S, j]`` on the active set S of each target, differentiably.

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram
    right : Tensor (p, m)
    active : Tensor (p, m), bool
        Active set of each target.
    solution : Tensor (p, m), optional
        The result, where it is already known.

    Returns
    -------
    Tensor (p, m)
        Zero outside the active sets.
    """
    values, pairs = parts(gram)
    return _OnSupport.apply(values, right, active, solution, pairs)  # type: ignore[no-any-return, no-untyped-call]
