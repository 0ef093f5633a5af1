"""Second moments of latents and their neighbours only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

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
    length = windows.shape[1]
    frames = windows.permute(2, 0, 1)
    rows = torch.stack([frames[:, :, order - lag : length - lag].flatten(1) for lag in range(order + 1)])
    if valid is not None:
        rows = rows[:, :, with_past(valid, order).flatten()]
    return moments_of_rows(rows, neighbourhoods)


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
        from .local_products import multiply

        ctx.save_for_backward(rows)
        ctx.near = near
        order = len(rows) - 1
        sums = (
            torch.zeros(order, order, *near.partners.shape, dtype=rows.dtype),
            torch.zeros(order, *near.neighbours.shape, dtype=rows.dtype),
            torch.zeros(rows.shape[1], dtype=rows.dtype),
        )
        _over_latents(multiply, rows, near, *sums)
        table, cov, variance = (it.to(rows.device) for it in sums)
        return table, cov, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        from .local_products import differentiate

        (rows,) = ctx.saved_tensors
        gradient = torch.zeros(rows.shape, dtype=rows.dtype)
        _over_latents(differentiate, rows, ctx.near, *gradients, gradient)
        return gradient.to(rows.device), None


def _over_latents(kernel: Any, rows: Tensor, near: Neighbourhoods, *arrays: Tensor) -> None:
    from napari_calcdyn.models.lasso.cpu import over_targets

    tensors = (rows, near.neighbours, near.partners, near.back, near.place, *arrays)
    over_targets(kernel, rows.shape[1], *(it.detach().cpu().contiguous().numpy() for it in tensors))
