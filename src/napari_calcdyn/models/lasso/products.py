"""Products with the Gram matrix of each target, differentiable to any order."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .local import Gram, LocalGram


class _Times(torch.autograd.Function):
    """``G_j x_j``; the matrices are symmetric, so that backward is the same product."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, x: Tensor, pairs: Tensor) -> Tensor:
        from .cpu import multiply

        ctx.save_for_backward(table, x, pairs)
        return multiply(LocalGram(table, pairs), x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        table, x, pairs = ctx.saved_tensors
        gram = LocalGram(table, pairs)
        needs_table, needs_x, _ = ctx.needs_input_grad
        return outer(gram, grad, x) if needs_table else None, times(gram, grad) if needs_x else None, None


class _Outer(torch.autograd.Function):
    """Derivative of ``Σ_j x_jᵀ G_j y_j`` in the table; backward multiplies by what flows into the table."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, gram: LocalGram) -> Tensor:
        from .cpu import outer as scatter

        ctx.save_for_backward(x, y, gram.pairs)
        return scatter(gram, x, y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        x, y, pairs = ctx.saved_tensors
        gram = LocalGram(grad, pairs)
        return times(gram, y), times(gram, x), None


def times(gram: Gram, x: Tensor) -> Tensor:
    """Multiply the Gram matrix of each target by its column of `x`.

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram
    x : Tensor (p, m)

    Returns
    -------
    Tensor (p, m)
        ``G_j x_j``.
    """
    if isinstance(gram, LocalGram):
        return _Times.apply(gram.table, x, gram.pairs)  # type: ignore[no-any-return, no-untyped-call]
    return gram @ x


def times_at(gram: Gram, x: Tensor, variable: Tensor) -> Tensor:
    """Return one number of each product ``G_j x_j``, that of variable (m,) for target j, (m,)."""
    if isinstance(gram, LocalGram):
        return times(gram, x).gather(0, variable[None])[0]
    return (gram[variable].t() * x).sum(0)


def outer(gram: Gram, x: Tensor, y: Tensor) -> Tensor:
    """Differentiate ``Σ_j x_jᵀ G_j y_j``.

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram
    x, y : Tensor (p, m)

    Returns
    -------
    Tensor
        The derivative in the matrix, symmetric, or in the table.
    """
    if isinstance(gram, LocalGram):
        return _Outer.apply(x, y, gram.detach())  # type: ignore[no-any-return, no-untyped-call]
    total = x @ y.t()
    return (total + total.t()) * 0.5
