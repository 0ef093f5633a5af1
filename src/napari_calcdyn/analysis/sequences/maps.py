"""Maps of what the rules of two conditions explain, and of how far they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.var.moments import lagged
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie, ProgressCallback, report
from napari_calcdyn.recording.progress import part_of

from .comparison import Comparison
from .condition_blocks import frames_with_values, without_gaps

_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class ComparisonMaps:
    """Maps of a comparison, each (Y, X) float32.

    Attributes
    ----------
    explained_a, explained_b : ndarray (Y, X)
        ``E = mean_t (Σ_k C_k[t]) · (x[t] − m)`` over the frames of a condition, with the rules and the mean frame
        of that condition; in squared movie units.
    difference : ndarray (Y, X)
        How far the two sets of rules disagree about each pixel: root mean square of ``s D (Â_B − Â_A) z̃[past]`` over
        all frames of both conditions, in movie units.
    """

    explained_a: NDArray[np.float32]
    explained_b: NDArray[np.float32]
    difference: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Condition:
    """Frames that are compared, of one recording.

    Attributes
    ----------
    movie : Movie
        The recording.
    latents : ndarray (T, d)
        Its latents; rows of NaN are frames that are left out.
    stretches : sequence of range
        Frames of it.
    """

    movie: Movie
    latents: NDArray[np.float32]
    stretches: Sequence[range]

    @cached_property
    def usable(self) -> list[range]:
        """The stretches, cut where frames are left out."""
        return without_gaps(self.stretches, frames_with_values(self.latents))

    @property
    def frames(self) -> int:
        """Number of frames that are compared."""
        return sum(map(len, self.usable))

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean latents in the condition, (d,)."""
        total = sum(self.latents[it.start : it.stop].sum(0, dtype=np.float64) for it in self.usable)
        mean: NDArray[np.float32] = (total / self.frames).astype(np.float32)
        return mean


@torch.no_grad()
def comparison_maps(
    model: VARAutoencoder,
    comparison: Comparison,
    a: Condition,
    b: Condition,
    progress: ProgressCallback | None,
) -> ComparisonMaps:
    """Map a comparison, in one pass over the frames of both conditions.

    Parameters
    ----------
    model : VARAutoencoder
        The network that made the latents.
    comparison : Comparison
        Of these conditions.
    a, b : Condition
        What was compared.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ComparisonMaps
        In movie units.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    rules = [_effects(it, model) for it in (comparison.coefficients_a, comparison.coefficients_b)]
    order = len(comparison.coefficients_a)
    total = a.frames + b.frames
    explained_a = _explained(model, a, rules[0], order, part_of(progress, 0, a.frames, total))
    explained_b = _explained(model, b, rules[1], order, part_of(progress, a.frames, total, total))
    disagreement = _covariance(rules[1] - rules[0], order, (a, b))
    return ComparisonMaps(explained_a, explained_b, _root_mean_square(model, disagreement))


def _effects(coefficients: NDArray[np.float32], model: VARAutoencoder) -> Tensor:
    """Arrange coefficients [lag, target, source] as (p·d, d), on the network's device."""
    return torch.from_numpy(coefficients).to(model.device).transpose(1, 2).flatten(0, 1)


def _explained(
    model: VARAutoencoder,
    condition: Condition,
    effects: Tensor,
    order: int,
    progress: ProgressCallback | None,
) -> NDArray[np.float32]:
    frames, mean = model.normalised(condition.movie), condition.mean
    # A mean of products less the product of means: the mean frame of the condition is not known before the pass.
    product, predicted, actual = np.zeros((3, *model.frame_shape))
    done = count = 0
    for stretch in condition.usable:
        for start, block in frames.batches(stretch.start + order, stretch.stop):
            past = condition.latents[start - order : start + len(block)] - mean
            contribution = model.network.decode(
                lagged(torch.from_numpy(past).to(model.device)[None], order)[0] @ effects
            )
            product += (contribution * block).sum(0).cpu().numpy()
            predicted += contribution.sum(0).cpu().numpy()
            actual += block.sum(0).cpu().numpy()
            count += len(block)
            report(progress, done + start + len(block) - stretch.start, condition.frames)
        done += len(stretch)
    image = model.scale**2 * (product / count - predicted / count * (actual / count))
    return image.astype(np.float32)


def _covariance(effects: Tensor, order: int, conditions: Sequence[Condition]) -> NDArray[np.float64]:
    """Return second moments (d, d) of what `effects` predict in all frames of the conditions."""
    effects = effects.double().cpu()
    total, count = torch.zeros(effects.shape[1], effects.shape[1], dtype=torch.float64), 0
    for condition in conditions:
        mean = condition.mean
        for stretch in condition.usable:
            if len(stretch) > order:
                centred = torch.from_numpy(condition.latents[stretch.start : stretch.stop] - mean).double()
                predicted = lagged(centred[None], order)[0] @ effects
                total += predicted.T @ predicted
                count += len(predicted)
    return (total / count).numpy()


def _root_mean_square(model: VARAutoencoder, covariance: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the root mean square picture (Y, X) of latents with these second moments."""
    power, directions = np.linalg.eigh(covariance)
    wanted = power > 1e-12 * max(float(power[-1]), 0.0)
    pictures = torch.from_numpy((directions[:, wanted] * np.sqrt(power[wanted])).T.astype(np.float32))
    square = np.zeros(model.frame_shape)
    for start in range(0, len(pictures), _AT_ONCE):
        batch = pictures[start : start + _AT_ONCE].to(model.device)
        square += model.network.decode(batch).square().sum(0).cpu().numpy()
    image: NDArray[np.float32] = (model.scale * np.sqrt(square)).astype(np.float32)
    return image
