"""Second moments of latents and their neighbours only, from products of small groups of latents."""

from __future__ import annotations

from dataclasses import dataclass
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

    The same numbers as in `Moments.of`, those that are needed: d·M pairs of latents instead of d².

    Parameters
    ----------
    windows : Tensor (W, L, d)
        Centred latents.
    order : int
        Number of lags p.
    neighbourhoods : Neighbourhoods
        Which latents are neighbours; on the device of the windows.
    valid : Tensor (W, L), bool, optional
        Frames that can be used; see `lagged`.

    Returns
    -------
    Moments
        Pooled over the windows: `gram` is a `LocalGram`, `cov` has the shape (p·K, d), lag 1 of all neighbours first.
    """
    kept = None if valid is None else with_past(valid, order).flatten()
    samples = windows.shape[0] * (windows.shape[1] - order) if kept is None else int(kept.sum())
    table, cov, variance = _Moments.apply(windows, _Lags(order, kept), samples, neighbourhoods)  # type: ignore[no-untyped-call]
    return Moments(LocalGram(table, neighbourhoods.pairs), cov.flatten(0, 1), variance, samples)


def moments_among(
    windows: Tensor, order: int, neighbourhoods: Neighbourhoods | None, valid: Tensor | None = None
) -> Moments:
    """Compute the moments of all latents, or of neighbours only; see `Moments.of` and `local_moments`."""
    if neighbourhoods is None:
        return Moments.of(windows, order, valid)
    return local_moments(windows, order, neighbourhoods, valid)


@dataclass(frozen=True)
class _Lags:
    """Cuts frames of latents, (d, W, L), into samples at some lags, one lag after the other, and back."""

    order: int
    kept: Tensor | None

    @property
    def all(self) -> range:
        return range(self.order + 1)

    @property
    def past(self) -> range:
        return range(1, self.order + 1)

    def cut(self, rows: Tensor, latents: Tensor, lags: range) -> Tensor:
        """Return the samples of some latents (B,), (lags·B, n)."""
        rows, length = rows.index_select(0, latents), rows.shape[2]
        samples = torch.cat([rows[:, :, self.order - lag : length - lag].flatten(1) for lag in lags])
        return samples if self.kept is None else samples[:, self.kept]

    def add(self, samples: Tensor, latents: Tensor, lags: range, rows: Tensor) -> None:
        """Add samples of some latents to the frames of theirs, (d, W, L), that they were cut from."""
        _, windows, length = rows.shape
        if self.kept is not None:
            every = samples.new_zeros(len(samples), len(self.kept))
            every[:, self.kept] = samples
            samples = every
        total = rows.new_zeros(len(latents), windows, length)
        for lag, part in zip(lags, samples.view(len(lags), len(latents), windows, -1), strict=True):
            total[:, :, self.order - lag : length - lag] += part
        rows.index_add_(0, latents, total)


class _Moments(torch.autograd.Function):
    """Means of products, (p, p, d, M), (p, K, d) and (d,), with nothing kept but the latents.

    A group of B latents that are close together has U partners, hardly more than each of its members. One product
    of the group with all of them, at all lags, is faster than single pairs, though some of it is not needed.
    """

    @staticmethod
    def forward(
        ctx: Any, windows: Tensor, lags: _Lags, samples: int, neighbourhoods: Neighbourhoods
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(windows)
        ctx.settings = lags, samples, neighbourhoods
        order, latents = lags.order, windows.shape[2]
        rows = windows.permute(2, 0, 1).contiguous()  # a latent's frames together
        table = windows.new_zeros(order, order, latents, neighbourhoods.partners.shape[1])
        cov = windows.new_zeros(order, neighbourhoods.neighbours.shape[1], latents)
        variance = windows.new_zeros(latents)
        for group, around, gram_at, cov_at in neighbourhoods.tiles:
            mine, theirs = lags.cut(rows, group, lags.all), lags.cut(rows, around, lags.past)
            product = (
                (mine @ theirs.T / samples).view(1 + order, len(group), order, len(around)).transpose(1, 2)
            )
            cov[:, :, group] = _taken(product[0], cov_at).transpose(1, 2)
            table[:, :, group] = _taken(product[1:], gram_at)
            variance[group] = mine[: len(group)].square().sum(1) / samples
        return table, cov, variance

    @staticmethod
    def backward(
        ctx: Any, table_grad: Tensor, cov_grad: Tensor, variance_grad: Tensor
    ) -> tuple[Tensor, None, None, None]:
        (windows,) = ctx.saved_tensors
        lags, samples, neighbourhoods = ctx.settings
        order = lags.order
        rows = windows.permute(2, 0, 1).contiguous()
        rows_grad = torch.zeros_like(rows)
        for group, around, gram_at, cov_at in neighbourhoods.tiles:
            mine, theirs = lags.cut(rows, group, lags.all), lags.cut(rows, around, lags.past)
            grad = rows.new_zeros(1 + order, order, len(group), len(around))
            _put(grad[0], cov_at, cov_grad[:, :, group].transpose(1, 2) / samples)
            _put(grad[1:], gram_at, table_grad[:, :, group] / samples)
            grad = grad.transpose(1, 2).reshape(len(mine), len(theirs))
            to_mine = grad @ theirs
            to_mine[: len(group)] += 2 / samples * variance_grad[group, None] * mine[: len(group)]
            lags.add(to_mine, group, lags.all, rows_grad)
            lags.add(grad.T @ mine, around, lags.past, rows_grad)
        return rows_grad.permute(1, 2, 0), None, None, None


def _taken(product: Tensor, places: Tensor) -> Tensor:
    """Take columns (B, K) from the last axis of (…, B, U), (…, B, K); zero where a place is -1."""
    index = places.clamp_min(0).expand(*product.shape[:-1], -1)
    return product.gather(-1, index).masked_fill_(places < 0, 0)


def _put(product: Tensor, places: Tensor, values: Tensor) -> None:
    """Add what `_taken` would take."""
    index = places.clamp_min(0).expand(*product.shape[:-1], -1)
    product.scatter_add_(-1, index, values.masked_fill(places < 0, 0))
