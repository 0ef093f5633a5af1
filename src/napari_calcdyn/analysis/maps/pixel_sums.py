"""Sums over time of predictors times pixels, in memory that does not grow with the recording."""

from __future__ import annotations

import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import pad

from .canvas import Canvas
from .smoothing import Smoothing
from .source_split import SourceSplit
from .tile_reach import TileReach


class PixelSums:
    """Gathers what `SourceSplit` needs of a movie: ``Σ_t z̃_k[t−l] (x[t] − m)``, where predictors reach.

    A matrix product per block of frames, and only for the pixels that a predictor (lag l, source k) reaches: the VAR is
    sparse and the decoder local, so a tile of the picture is reached by a fraction of the predictors. Smoothing the
    frames, and taking away what is still in them, is done once, on the sums.

    Parameters
    ----------
    canvas : Canvas
        The network, or a `RoiCanvas`.
    reach : csr_array (d, p·d)
        An entry for every pair of a latent and a predictor that may have an effect on it, with any value.
    smoothing : Smoothing
        Of the frames.
    static : Tensor (Y, X)
        Picture that is taken away from every frame.
    """

    def __init__(self, canvas: Canvas, reach: csr_array, smoothing: Smoothing, static: Tensor) -> None:
        self._canvas, self._smoothing, self._static = canvas, smoothing, static
        self._reach = TileReach(canvas, reach)
        self._members = torch.from_numpy(self._reach.members).to(static.device)
        self._totals = static.new_zeros(reach.shape[1] + 1)
        self._sums = static.new_zeros(len(self._members), _pixels(canvas, smoothing))

    @staticmethod
    def bytes_needed(canvas: Canvas, reach: csr_array, smoothing: Smoothing) -> int:
        """Return how much memory the sums take, in bytes; parameters as above."""
        return 4 * len(TileReach(canvas, reach).members) * _pixels(canvas, smoothing)

    def add(self, past: Tensor, frames: Tensor) -> None:
        """Take in the next frames.

        Parameters
        ----------
        past : Tensor (n, p·d)
            Past of these frames' latents.
        frames : Tensor (n, Y, X)
            Normalised.
        """
        by_predictor = pad(past.T, (0, 0, 0, 1))
        self._totals += by_predictor.sum(1)
        for row, _, members, width in self._reach.rows():
            pixels = self._canvas.row_of_tiles(frames, row, self._smoothing.reach)
            values = by_predictor[self._members[members]].view(-1, width, len(frames))
            self._sums[members].view(-1, width, pixels.shape[2]).baddbmm_(values, pixels)

    def split(self) -> SourceSplit:
        """Return the sums for use, on the processor, once all frames were taken in."""
        margin, side = self._smoothing.reach, self._canvas.stride
        products = torch.empty(len(self._sums), side**2)
        for row, _, members, width in self._reach.rows():
            static = self._canvas.row_of_tiles(self._static[None], row, margin)
            totals = self._totals[self._members[members]].view(-1, width, 1)
            sums = self._sums[members].view(len(static), width, -1).sub_(totals * static)
            smooth = self._smoothing(sums.view(-1, side + 2 * margin, side + 2 * margin))
            products[members] = smooth.flatten(1).cpu()
        return SourceSplit(self._canvas, self._reach, products)


def _pixels(canvas: Canvas, smoothing: Smoothing) -> int:
    """Return the number of pixels of a tile with its margin."""
    return (canvas.stride + 2 * smoothing.reach) ** 2
