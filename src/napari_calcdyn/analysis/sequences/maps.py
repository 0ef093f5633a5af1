"""Maps of what the rules of two conditions explain, and of how far they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from torch import Tensor

from napari_calcdyn.analysis.maps.predictor import as_tensor, predict
from napari_calcdyn.models.var.moments import lagged
from napari_calcdyn.models.var.neighbours import sparse_tables
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie, ProgressCallback, report
from napari_calcdyn.recording.progress import part_of

from .comparison import Comparison
from .condition_blocks import frames_with_values, without_gaps


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
    columns : ndarray (T, d)
        Its latents, or the activities of its ROIs; rows of NaN are frames that are left out.
    stretches : sequence of range
        Frames of it.
    """

    movie: Movie
    columns: NDArray[np.float32]
    stretches: Sequence[range]

    @cached_property
    def usable(self) -> list[range]:
        """The stretches, cut where frames are left out."""
        return without_gaps(self.stretches, frames_with_values(self.columns))

    @property
    def frames(self) -> int:
        """Number of frames that are compared."""
        return sum(map(len, self.usable))

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean of the columns in the condition, (d,)."""
        total = sum(self.columns[it.start : it.stop].sum(0, dtype=np.float64) for it in self.usable)
        mean: NDArray[np.float32] = (total / self.frames).astype(np.float32)
        return mean


@torch.no_grad()
def comparison_maps(
    model: VARAutoencoder,
    comparison: Comparison,
    a: Condition,
    b: Condition,
    progress: ProgressCallback | None,
    encoded: NDArray[np.floating] | None = None,
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
    encoded : ndarray (N, d), optional
        Latents of the picture of each column, where the columns are the activities of ROIs; see `RoiBasis`.

    Returns
    -------
    ComparisonMaps
        In movie units.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    rules = [
        _effects(it, comparison.sources, encoded)
        for it in (comparison.coefficients_a, comparison.coefficients_b)
    ]
    change = as_tensor(rules[1] - rules[0]).to(model.device)
    order, total = len(comparison.coefficients_a), a.frames + b.frames
    a_done, b_done = part_of(progress, 0, a.frames, total), part_of(progress, a.frames, total, total)
    explained_a, moments_a, frames_a = _explained(model, a, rules[0], change, order, a_done)
    explained_b, moments_b, frames_b = _explained(model, b, rules[1], change, order, b_done)
    moments = (moments_a + moments_b) / (frames_a + frames_b)
    return ComparisonMaps(explained_a, explained_b, _root_mean_square(model, moments))


def _effects(
    coefficients: NDArray[np.float32], sources: NDArray[np.int64], encoded: NDArray[np.floating] | None
) -> csr_array:
    """Write coefficients [lag, target, place among its sources] as one sparse matrix to the latents, (d, p·N)."""
    effects = csr_array(hstack(sparse_tables(sources, coefficients), format="csr"))
    return effects if encoded is None else csr_array(csr_array(encoded.T, dtype=np.float32) @ effects)


def _explained(
    model: VARAutoencoder,
    condition: Condition,
    rules: csr_array,
    change: Tensor,
    order: int,
    progress: ProgressCallback | None,
) -> tuple[NDArray[np.float32], NDArray[np.float64], int]:
    """Go through the frames of one condition.

    Returns what its rules explain, the sum of second moments of what `change` predicts, between the four latents that
    meet in each tile, (tiles, 4, 4), and the number of frames.
    """
    network, effects = model.footprint_network, as_tensor(rules).to(model.device)
    frames, mean = model.normalised(condition.movie), condition.mean
    meeting = network.tile_latents
    # A mean of products less the product of means: the mean frame of the condition is not known before the pass.
    product, predicted, actual = np.zeros((3, *model.frame_shape))
    moments = np.zeros((len(meeting), 4, 4))
    done = count = 0
    for stretch in condition.usable:
        for start, block in frames.batches(stretch.start + order, stretch.stop):
            columns = condition.columns[start - order : start + len(block)] - mean
            past = lagged(torch.from_numpy(columns).to(model.device)[None], order)[0]
            contribution = network.decode(predict(effects, past))
            product += (contribution * block).sum(0).cpu().numpy()
            predicted += contribution.sum(0).cpu().numpy()
            actual += block.sum(0).cpu().numpy()
            at_tiles = predict(change, past).T[meeting] * (meeting >= 0)[:, :, None]
            moments += (at_tiles @ at_tiles.mT).cpu().numpy()
            count += len(block)
            report(progress, done + start + len(block) - stretch.start, condition.frames)
        done += len(stretch)
    image = model.scale**2 * (product / count - predicted / count * (actual / count))
    return image.astype(np.float32), moments, count


def _root_mean_square(model: VARAutoencoder, moments: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the root mean square picture (Y, X) of latents with these second moments in each tile."""
    network = model.footprint_network
    corners = network.corners
    square = (torch.from_numpy(moments).to(corners) @ corners * corners).sum(1, keepdim=True)
    image: NDArray[np.float32] = network.join(square)[0].clamp_min(0).sqrt().cpu().numpy()
    return image * np.float32(model.scale)
