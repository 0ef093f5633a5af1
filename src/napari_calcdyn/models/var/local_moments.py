"""Second moments of latents and their neighbours only, from products of small groups of latents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from napari_calcdyn.models.lasso.local import LocalGram

from .moments import Moments, lagged
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
    predictors, targets = lagged(windows, order, valid)
    n = len(predictors)
    table, cov = _Moments.apply(predictors, targets, neighbourhoods)  # type: ignore[no-untyped-call]
    return Moments(LocalGram(table, neighbourhoods.pairs), cov.flatten(0, 1), targets.square().mean(0), n)


class _Moments(torch.autograd.Function):
    """Means of products, (p, p, d, M) and (p, K, d), with nothing kept but the factors.

    A group of B latents that are close together has U partners, hardly more than each of its members. One product
    of the group with all of them, at all lags, is faster than single pairs, though some of it is not needed.
    """

    @staticmethod
    def forward(
        ctx: Any, predictors: Tensor, targets: Tensor, neighbourhoods: Neighbourhoods
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(predictors, targets)
        ctx.neighbourhoods = neighbourhoods
        past, now = _rows(predictors, targets)
        order, latents = past.shape[:2]
        table = past.new_zeros(order, order, latents, neighbourhoods.partners.shape[1])
        cov = past.new_zeros(order, neighbourhoods.neighbours.shape[1], latents)
        for group, around, gram_at, cov_at in _groups(neighbourhoods):
            product = _flat(now, past, group) @ past[:, around].flatten(0, 1).T / len(predictors)
            product = product.view(1 + order, len(group), order, len(around)).transpose(1, 2)
            cov[:, :, group] = _taken(product[0], cov_at).transpose(1, 2)
            table[:, :, group] = _taken(product[1:], gram_at)
        return table, cov

    @staticmethod
    def backward(ctx: Any, table_grad: Tensor, cov_grad: Tensor) -> tuple[Tensor, Tensor, None]:
        predictors, targets = ctx.saved_tensors
        past, now = _rows(predictors, targets)
        order = len(past)
        past_grad, now_grad = torch.zeros_like(past), torch.zeros_like(now)
        for group, around, gram_at, cov_at in _groups(ctx.neighbourhoods):
            grad = past.new_zeros(1 + order, order, len(group), len(around))
            _put(grad[0], cov_at, cov_grad[:, :, group].transpose(1, 2))
            _put(grad[1:], gram_at, table_grad[:, :, group])
            grad = (grad.transpose(1, 2) / len(predictors)).reshape((1 + order) * len(group), -1)
            to_group = (grad @ past[:, around].flatten(0, 1)).view(1 + order, len(group), -1)
            to_around = (grad.T @ _flat(now, past, group)).view(order, len(around), -1)
            now_grad[group] += to_group[0]
            past_grad[:, group] += to_group[1:]
            past_grad[:, around] += to_around
        return past_grad.flatten(0, 1).T, now_grad.T, None


def _rows(predictors: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Arrange predictors (n, p·d) and targets (n, d) with a row per latent: (p, d, n) and (d, n)."""
    latents = targets.shape[1]
    return predictors.T.contiguous().view(-1, latents, len(predictors)), targets.T.contiguous()


def _flat(now: Tensor, past: Tensor, group: Tensor) -> Tensor:
    """Stack a group of latents at lags 0, 1, …, ((1 + p)·B, n)."""
    return torch.cat((now[group], past[:, group].flatten(0, 1)))


def _groups(neighbourhoods: Neighbourhoods) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Yield groups of latents, their partners, and where among these are each one's partners and neighbours."""
    for group in neighbourhoods.tiles:
        partners, neighbours = neighbourhoods.partners[group], neighbourhoods.neighbours[group]
        around = partners[partners >= 0].unique()  # sorted
        found = [
            torch.where(latents >= 0, torch.searchsorted(around, latents), -1)
            for latents in (partners, neighbours)
        ]
        yield group, around, *found


def _taken(product: Tensor, places: Tensor) -> Tensor:
    """Take columns (B, K) from the last axis of (…, B, U), (…, B, K); zero where a place is -1."""
    index = places.clamp_min(0).expand(*product.shape[:-1], -1)
    return product.gather(-1, index).masked_fill_(places < 0, 0)


def _put(product: Tensor, places: Tensor, values: Tensor) -> None:
    """Add what `_taken` would take."""
    index = places.clamp_min(0).expand(*product.shape[:-1], -1)
    product.scatter_add_(-1, index, values.masked_fill(places < 0, 0))
