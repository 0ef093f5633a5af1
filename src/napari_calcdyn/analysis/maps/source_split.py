"""Split of the explained map between sources, for any coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from .canvas import Canvas
from .source_maps import SourceMaps
from .tile_reach import TileReach


class SourceSplit:
    """Adds up ``Σ_t (s D(δ_k[t])) · (x[t] − m)`` over all sources k, or shows it for one.

    The decoder is linear, so with a predictor q = (lag l, source k), of value ``z̃_k[t−l]``, and W_q the image
    of what one unit of it predicts, ``D(δ_k[t]) = Σ_l z̃_k[t−l] W_q``. W_q is made of the footprints and the
    coefficients. Of the movie, only the sums ``Σ_t z̃_k[t−l] (x[t] − m)`` are needed, and they serve all coefficients.
    `PixelSums` gathers them.

    Parameters
    ----------
    canvas : Canvas
        The network, or a `RoiCanvas`.
    reach : TileReach
        For which predictors and tiles there are sums.
    products : Tensor (m, s²)
        The sums, for each member of the reach.
    """

    def __init__(self, canvas: Canvas, reach: TileReach, products: Tensor) -> None:
        self._canvas, self._reach, self._products = canvas, reach, products
        self._corners = canvas.corners.detach().cpu().contiguous()

    @property
    def finite(self) -> bool:
        """Whether no sum is NaN or infinite."""
        return bool(self._products.sum().isfinite())

    def total(self, effects: csr_array) -> NDArray[np.float32]:
        """Add up all sources.

        Parameters
        ----------
        effects : csr_array (d, p·d)
            Coefficients, as in `Predictor`.

        Returns
        -------
        ndarray (Y, X), float32
            The sums.
        """
        weights = self._reach.weights(effects)
        tiles = torch.zeros(self._corners.shape[::2])
        for _, row, members, width in self._reach.rows():
            by_latent = weights[members].view(-1, width, weights.shape[1]).mT
            of_latents = by_latent @ self._products[members].view(-1, width, tiles.shape[1])
            tiles[row] = (of_latents * self._corners[row]).sum(1)
        return self._joined(tiles)

    def maps(
        self,
        effects: csr_array,
        source: NDArray[np.integer],
        sources: Sequence[int],
        scale: float,
        left_out: NDArray[np.bool_],
    ) -> SourceMaps:
        """Return the sums of some sources, each computed when it is looked at.

        Parameters
        ----------
        effects : csr_array (d, p·d)
            Coefficients, as in `Predictor`.
        source : ndarray (p·d,), int
            Which source each predictor belongs to.
        sources : sequence of int
            Which sources to show.
        scale : float
            Multiplies the sums.
        left_out : ndarray of bool (Y, X)
            Pixels that become NaN.

        Returns
        -------
        SourceMaps
            One for each of these sources.
        """
        weights = self._reach.weights(effects)
        used = np.flatnonzero(weights.any(1))
        belongs = source[self._reach.members[used]]
        order = np.argsort(belongs, kind="stable")
        begins = np.searchsorted(belongs[order], np.arange(source.max(initial=-1) + 2))
        image = _Image(self, weights * scale, sources, used[order], begins, left_out)
        return SourceMaps((len(sources), *left_out.shape), image)

    def sums(
        self, effects: csr_array, source: NDArray[np.integer], used: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Add up the maps of all sources over pixels, without making them.

        Parameters
        ----------
        effects : csr_array (d, p·d)
            Coefficients, as in `Predictor`.
        source : ndarray (p·d,), int
            Which source each predictor belongs to.
        used : ndarray (Y, X), bool
            Pixels that count.

        Returns
        -------
        ndarray (sources,), float64
            Sum of each map.
        """
        weights = self._reach.weights(effects)
        counted = self._canvas.cut(torch.from_numpy(used.astype(np.float32))[None])
        corners = self._corners * counted  # (tiles, c, s²)
        of_members = torch.zeros(len(self._reach.members), dtype=torch.float64)
        for _, row, members, width in self._reach.rows():
            shown = weights[members].view(-1, width, weights.shape[1]) @ corners[row]
            of_members[members] = (shown.view(-1, corners.shape[2]) * self._products[members]).sum(1).double()
        real = self._reach.members < len(source)
        sums = np.bincount(
            source[self._reach.members[real]], of_members.numpy()[real], minlength=source.max(initial=-1) + 1
        )
        return np.asarray(sums, np.float64)

    def picture(self, weights: Tensor, members: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the sums over some members of the reach, (Y, X), as they are weighted."""
        at = torch.from_numpy(self._reach.tiles[members])
        parts = (weights[members][:, None] @ self._corners[at])[:, 0] * self._products[members]
        return self._joined(torch.zeros(self._corners.shape[::2]).index_add_(0, at, parts))

    def _joined(self, tiles: Tensor) -> NDArray[np.float32]:
        image: NDArray[np.float32] = self._canvas.join(tiles[:, None])[0].numpy()
        return image


@dataclass(frozen=True, eq=False)
class _Image:
    split: SourceSplit
    weights: Tensor
    sources: Sequence[int]
    members: NDArray[np.integer]  # sorted by source
    begins: NDArray[np.integer]
    left_out: NDArray[np.bool_]

    def __call__(self, number: int) -> NDArray[np.float32]:
        source = self.sources[number]
        members = self.members[self.begins[source] : self.begins[source + 1]]
        image = self.split.picture(self.weights, members)
        image[self.left_out] = np.nan
        return image
