"""Lasso on the CPU: compiled kernels over chunks of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_calcdyn.models.compiled import over_targets

from . import homotopy, kernels, local_kernels
from .local import Gram, LocalGram

_Array = npt.NDArray[np.float64]

_SMALL = 2 * 128 * 128 * 64


def collinear_tolerance(dtype: torch.dtype) -> float:
    """Share of a column's variance below which what it adds to the active set is rounding of the input."""
    return 64 * float(torch.finfo(dtype).eps)


def rows(tensor: Tensor) -> _Array:
    """Columns of a (p, m) tensor as the rows of a contiguous float64 array on the CPU."""
    return np.ascontiguousarray(tensor.detach().t().to("cpu", torch.float64).numpy())


def square(gram: Tensor) -> _Array:
    """Return a symmetric matrix as a contiguous float64 array on the CPU; no copy where it is one already."""
    return np.ascontiguousarray(gram.detach().to("cpu", torch.float64).numpy())


def _places(gram: LocalGram) -> tuple[_Array, npt.NDArray[np.int32]]:
    """Table (p, p, d·M) and pairs (d, K, K) of Gram matrices as contiguous arrays on the CPU."""
    table = gram.table.detach().to("cpu", torch.float64).flatten(2)
    return np.ascontiguousarray(table.numpy()), np.ascontiguousarray(gram.pairs.cpu().numpy())


def columns(array: npt.NDArray[Any], like: Tensor) -> Tensor:
    """Rows of an array as the columns of a tensor with the dtype and device of ``like``."""
    return torch.from_numpy(array).to(like.device, like.dtype).t().contiguous()


def _is_small(gram: Gram, cov: Tensor) -> bool:
    """Return whether waking threads takes longer than the solution: measured at 128 predictors of 64 targets."""
    return gram.shape[0] * cov.numel() <= _SMALL


def _run(kernel: str, gram: Gram, targets: int, *arrays: Any, small: bool = False) -> list[Any]:
    """Run the kernel of this name, the one for a shared Gram matrix or the one for a matrix of each target."""
    of: tuple[Any, ...]
    if isinstance(gram, LocalGram):
        module, of = local_kernels, _places(gram)
    else:
        module, of = (homotopy if kernel == "trace_targets" else kernels), (square(gram),)
    return over_targets(getattr(module, kernel), targets, *of, *arrays, small=small)


def solve(gram: Gram, cov: Tensor, threshold: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor, int]:
    """Minimise ``½ aᵀGa − cᵀa + Σ_k threshold_k |a_k|`` for every column of ``cov``.

    Parameters
    ----------
    gram : Tensor (p, p) or LocalGram
    cov : Tensor (p, m)
    threshold : Tensor (p, m)
        Penalty of each coefficient; 0 leaves it unpenalised, infinity keeps it out.
    start : Tensor (p, m) or None
        Where to start.

    Returns
    -------
    solution : Tensor (p, m)
        The coefficients.
    active : Tensor (p, m), bool
        The active sets; never collinear.
    missed : int
        Targets that did not reach the tolerance.
    """
    covariance = rows(cov)
    a = np.zeros_like(covariance) if start is None else rows(start).copy()
    active = np.zeros(covariance.shape, np.bool_)
    arrays = (covariance, rows(threshold), a, active, collinear_tolerance(gram.dtype))
    missed = sum(_run("solve_targets", gram, len(a), *arrays, small=_is_small(gram, cov)))
    return columns(a, cov), torch.from_numpy(active).to(cov.device).t(), missed


def solve_on_support(gram: Gram, right: Tensor, active: Tensor) -> Tensor:
    """``x[S, j] = gram[S, S]⁻¹ right[S, j]`` with S the non-zeros of ``active[:, j]``, zero elsewhere."""
    rhs = rows(right)
    x = np.zeros_like(rhs)
    sets = np.ascontiguousarray(active.t().cpu().numpy())
    arrays = (rhs, sets, x, collinear_tolerance(gram.dtype))
    _run("solve_supports", gram, len(x), *arrays, small=_is_small(gram, right))
    return columns(x, right)


def trace(gram: Gram, cov: Tensor, weights: Tensor, max_knots: int | None) -> dict[str, npt.NDArray[Any]]:
    """Follow the path of every column of ``cov`` (p, m) down to zero, or for so many knots.

    Returns what `LassoPath` stores: arrays with a row per target, transposed where they have one per knot.
    """
    p, m = cov.shape
    covariance, prices = rows(cov), rows(weights)
    capacity = 3 * p + 8 if max_knots is None else max_knots
    while True:
        shape = (m, capacity)
        out = {
            "knots": np.full(shape, np.nan),
            "variable": np.full(shape, -1, np.int32),
            "event": np.zeros(shape, np.int8),
            "fit": np.zeros(shape),
            "nonzeros": np.zeros(shape, np.int32),
            "counts": np.zeros(m, np.int32),
            "base": np.zeros((m, p), np.bool_),
            "ended": np.zeros(m, np.bool_),
        }
        arrays = (covariance, prices, *out.values(), collinear_tolerance(gram.dtype))
        longest = max(_run("trace_targets", gram, m, *arrays))
        if max_knots is not None or out["ended"].all():
            break
        capacity *= 4
    for name in ("knots", "variable", "event", "fit", "nonzeros"):
        out[name] = np.ascontiguousarray(out[name][:, :longest].T)
    return out


def multiply(gram: LocalGram, x: Tensor) -> Tensor:
    """``gram_j x[:, j]`` for every column of ``x`` (P, d)."""
    vectors = rows(x)
    product = np.empty_like(vectors)
    _run("multiply", gram, len(product), vectors, product)
    return columns(product, x)


def outer(gram: LocalGram, x: Tensor, y: Tensor) -> Tensor:
    """Differentiate ``Σ_j x_jᵀ gram_j y_j`` in the table (p, p, d, M), for the columns of ``x``, ``y`` (P, d)."""
    table = np.zeros((*gram.table.shape[:2], gram.table.shape[2:].numel()))
    local_kernels.add_outer(np.ascontiguousarray(gram.pairs.cpu().numpy()), rows(x), rows(y), table)
    return torch.from_numpy(table).to(x.device, gram.dtype).view(gram.table.shape)


def leaders(gram: LocalGram, equal: float) -> Tensor:
    """Find, for every variable (P, d), the first one of its target that is the same but for its sign, or itself.

    Two are the same where their product is at least the share ``equal`` of the larger one's square.
    """
    if not sum(_run("count_suspects", gram, gram.targets, equal)):
        return torch.arange(len(gram), device=gram.device)[:, None].expand(-1, gram.targets)
    found = np.empty((gram.targets, len(gram)), np.int64)
    _run("find_leaders", gram, len(found), equal, found)
    return torch.from_numpy(found).to(gram.device).t()
