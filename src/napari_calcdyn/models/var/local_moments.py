"""Second moments of latents and their neighbours only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from napari_calcdyn.models.compiled import over_targets
from napari_calcdyn.models.lasso.local import LocalGram

from .moments import Moments, with_past
from .neighbours import Neighbourhoods


def local_moments(
    windows: Tensor, order: int, neighbourhoods: Neighbourhoods, valid: Tensor | None = None
) -> Moments:
    """Compute the moments of a VAR whose predictors are a latent's neighbours, differentiably.

    The same numbers as in `Moments.of`, those that are needed: d·M pairs of latents instead of d². Computed on the
    processor; products of whole groups of latents there are no faster, because most of what they give is not needed.

    Parameters
    ----------
    windows : Tensor (W, L, d)
        Centred latents.
    order : int
        Number of lags p.
    neighbourhoods : Neighbourhoods
        Which latents are neighbours.
    valid : Tensor (W, L), bool, optional
        Frames that can be used; see `lagged`.

    Returns
    -------
    Moments
        Pooled over the windows: `gram` is a `LocalGram`, `cov` has the shape (p·K, d), lag 1 of all neighbours first.
    """
    return moments_of_rows(_rows(windows, order, valid), neighbourhoods)


def local_residual(
    windows: Tensor, coefficients: Tensor, neighbourhoods: Neighbourhoods, valid: Tensor | None = None
) -> Tensor:
    """Compute what a VAR whose predictors are a latent's neighbours does not predict, differentiably.

    Parameters
    ----------
    windows : Tensor (W, L, d)
        Centred latents.
    coefficients : Tensor (p·K, d)
        Lag 1 of all neighbours first.
    neighbourhoods : Neighbourhoods
        Which latents are neighbours.
    valid : Tensor (W, L), bool, optional
        Frames that can be used; see `lagged`.

    Returns
    -------
    Tensor (d, n)
        Of every frame that can be used with its past.
    """
    targets, width = neighbourhoods.neighbours.shape
    tables = coefficients.reshape(-1, width, targets).transpose(1, 2)
    rows = _rows(windows, len(tables), valid)
    residual: Tensor = _Residual.apply(rows, tables, neighbourhoods)  # type: ignore[no-untyped-call]
    return residual


def _rows(windows: Tensor, order: int, valid: Tensor | None) -> Tensor:
    """Cut windows into targets and latents at lags 1 to p, (1 + p, d, n)."""
    length = windows.shape[1]
    frames = windows.permute(2, 0, 1)
    rows = torch.stack([frames[:, :, order - lag : length - lag].flatten(1) for lag in range(order + 1)])
    return rows if valid is None else rows[:, :, with_past(valid, order).flatten()]


def moments_of_rows(rows: Tensor, neighbourhoods: Neighbourhoods) -> Moments:
    """Compute the same moments of predictors that are cut already.

    Parameters
    ----------
    rows : Tensor (1 + p, d, n)
        Targets, and latents at lags 1 to p.
    neighbourhoods : Neighbourhoods
        Which latents are neighbours.

    Returns
    -------
    Moments
        As from `local_moments`.
    """
    samples = rows.shape[2]
    table, cov, variance = _Products.apply(rows, neighbourhoods)  # type: ignore[no-untyped-call]
    gram = LocalGram(table / samples, neighbourhoods.pairs)
    return Moments(gram, cov.transpose(1, 2).flatten(0, 1) / samples, variance / samples, samples)


def moments_among(
    windows: Tensor, order: int, neighbourhoods: Neighbourhoods | None, valid: Tensor | None = None
) -> Moments:
    """Compute the moments of all latents, or of neighbours only; see `Moments.of` and `local_moments`."""
    if neighbourhoods is None:
        return Moments.of(windows, order, valid)
    return local_moments(windows, order, neighbourhoods, valid)


class _Products(torch.autograd.Function):
    """Sums of products of the rows (1 + p, d, n) of neighbours: (p, p, d, M), (p, d, K) and (d,)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, near: Neighbourhoods) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(rows)
        ctx.near = near
        order = len(rows) - 1
        sums = (
            torch.zeros(order, order, *near.partners.shape, dtype=rows.dtype),
            torch.zeros(order, *near.neighbours.shape, dtype=rows.dtype),
            torch.zeros(rows.shape[1], dtype=rows.dtype),
        )
        _run("multiply", rows, *_lists(near), *sums)
        table, cov, variance = (it.to(rows.device) for it in sums)
        return table, cov, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        gradient = torch.zeros(rows.shape, dtype=rows.dtype)
        _run("differentiate", rows, *_lists(ctx.near), *gradients, gradient)
        return gradient.to(rows.device), None


class _Residual(torch.autograd.Function):
    """Targets of the rows (1 + p, d, n) less their neighbours times the coefficients (p, d, K)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, coefficients: Tensor, near: Neighbourhoods) -> Tensor:
        ctx.save_for_backward(rows, coefficients)
        ctx.near = near
        residual = torch.empty(rows.shape[1:], dtype=rows.dtype)
        _run("subtract", rows, near.neighbours, coefficients, residual)
        return residual.to(rows.device)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        rows, coefficients = ctx.saved_tensors
        found = torch.zeros(rows.shape, dtype=rows.dtype), torch.zeros(coefficients.shape, dtype=rows.dtype)
        _run("differentiate_residual", rows, *_lists(ctx.near), coefficients, gradient, *found)
        of_rows, of_coefficients = (it.to(rows.device) for it in found)
        return of_rows, of_coefficients, None


def _lists(near: Neighbourhoods) -> tuple[Tensor, ...]:
    return near.neighbours, near.partners, near.back, near.place


def _run(kernel: str, rows: Tensor, *arrays: Tensor) -> None:
    """Run a compiled kernel over all latents; copies of arrays that are not on the processor."""
    from . import local_products

    arguments = (it.detach().cpu().contiguous().numpy() for it in (rows, *arrays))
    over_targets(getattr(local_products, kernel), rows.shape[1], *arguments)
