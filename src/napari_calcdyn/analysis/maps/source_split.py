"""Split of the explained map between sources, in memory that does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from torch import Tensor

from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder

from .smoothing import Smoothing
from .source_maps import SourceMaps

_TILE = 32


@dataclass(frozen=True, eq=False)
class _Tile:
    """A tile of the image, the predictors that reach it, and their sums of products with its pixels."""

    rows: slice
    columns: slice
    members: Tensor  # (m,) which of the predictors
    sums: Tensor  # (m, pixels) Σ_t of predictor times pixel, with a margin


class SourceSplit:
    """Sums up ``Σ_t (s D(δ_k[t])) · (x[t] − m)`` for every source k.

    The decoder is linear, so with a predictor q = (lag l, source k), of value ``z̃_k[t−l]``, and W_q the image
    of what one unit of it predicts, ``D(δ_k[t]) = Σ_l z̃_k[t−l] W_q``. Only ``Σ_t z̃_k[t−l] (x[t] − m)`` has to
    be carried through time, a matrix product per block of frames. And only where W_q is not zero: the VAR is
    sparse and the decoder local, so a tile of the image is reached by a fraction of the predictors. Smoothing the
    frames, and taking away what is still in them, is done once, on the sums.

    Parameters
    ----------
    network : PatchAutoencoder
        The decoder.
    effects : Tensor (p·d, d)
        What one unit of each predictor adds to every latent, as in `Predictor`.
    order : int
        Number of lags p.
    sources : sequence of int
        Which sources to follow.
    smoothing : Smoothing
        Of the frames.
    static : Tensor (Y, X)
        Picture that is taken away from every frame.
    """

    def __init__(
        self,
        network: PatchAutoencoder,
        effects: Tensor,
        order: int,
        sources: Sequence[int],
        smoothing: Smoothing,
        static: Tensor,
    ) -> None:
        self._network, self._order, self._sources, self._smoothing = network, order, len(sources), smoothing
        height, self._width = network.frame_shape
        self._static = smoothing.with_margin(static[None])
        at = torch.tensor(sources, dtype=torch.int64, device=effects.device)
        predictors = (torch.arange(order, device=effects.device)[:, None] * effects.shape[1] + at).flatten()
        self._effects = effects[predictors]
        self._totals = effects.new_zeros(len(predictors))
        self._predictors = predictors
        self._bands = [[self._tile(rows, columns) for columns in _cut(self._width)] for rows in _cut(height)]

    def add(self, past: Tensor, frames: Tensor) -> None:
        """Take in the next frames.

        Parameters
        ----------
        past : Tensor (n, p·d)
            Past of these frames' latents.
        frames : Tensor (n, Y + margin, X + margin)
            Normalised, from `Smoothing.with_margin`.
        """
        by_predictor = past.T[self._predictors]
        self._totals += by_predictor.sum(1)
        for tile in self._tiles():
            tile.sums.addmm_(by_predictor[tile.members], self._seen(tile, frames))

    def total(self) -> NDArray[np.float64]:
        """Return the sums over all sources, (Y, X)."""
        image = np.zeros(self._network.frame_shape)
        for tile in self._tiles():
            image[tile.rows, tile.columns] = self._parts(tile).sum(0, dtype=torch.float64).cpu().numpy()
        return image

    def result(self, scale: float, left_out: NDArray[np.bool_]) -> SourceMaps:
        """Return the sums, tile by tile: never all sources dense.

        Parameters
        ----------
        scale : float
            Multiplies them.
        left_out : ndarray of bool (Y, X)
            Pixels that become NaN.

        Returns
        -------
        SourceMaps
            One for each source that is followed, in memory.
        """
        bands = [self._maps(band) * np.float32(scale) for band in self._bands]
        return SourceMaps.from_sparse(hstack(bands, format="csr"), left_out)

    def _tiles(self) -> Iterator[_Tile]:
        """Yield the tiles that a predictor reaches."""
        return (tile for tile in chain.from_iterable(self._bands) if len(tile.members))

    def _tile(self, rows: slice, columns: slice) -> _Tile:
        latents, _ = self._network.footprints_in(rows, columns)
        members = self._effects[:, latents].any(1).nonzero().flatten()
        margin = 2 * self._smoothing.reach
        pixels = (rows.stop - rows.start + margin) * (columns.stop - columns.start + margin)
        return _Tile(rows, columns, members, self._effects.new_zeros(len(members), pixels))

    def _seen(self, tile: _Tile, frames: Tensor) -> Tensor:
        """Cut a tile with its margin out of frames that have one, (n, pixels)."""
        margin = 2 * self._smoothing.reach
        rows, columns = (slice(it.start, it.stop + margin) for it in (tile.rows, tile.columns))
        return frames[:, rows, columns].flatten(1)

    def _parts(self, tile: _Tile) -> Tensor:
        """Return what each predictor explains in a tile, (m, Y, X)."""
        latents, footprints = self._network.footprints_in(tile.rows, tile.columns)
        margin = 2 * self._smoothing.reach
        sums = tile.sums - self._totals[tile.members, None] * self._seen(tile, self._static)
        sums = sums.view(-1, footprints.shape[1] + margin, footprints.shape[2] + margin)
        shown = (self._effects[tile.members][:, latents] @ footprints.flatten(1)).view(
            -1, *footprints.shape[1:]
        )
        return shown.mul_(self._smoothing(sums))

    def _maps(self, band: list[_Tile]) -> csr_array:
        """Return the sums of all sources in tiles that are side by side, (sources, pixels)."""
        entries = [self._entries(tile) for tile in band]
        source, pixel, value = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        pixels = self._width * (band[0].rows.stop - band[0].rows.start)
        return csr_array((value, (source, pixel)), shape=(self._sources, pixels))

    def _entries(self, tile: _Tile) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Return the sums in a tile that are not zero: source, pixel in the band of tiles, and value."""
        parts = self._parts(tile).flatten(1)
        sources, row = torch.unique(tile.members % self._sources, return_inverse=True)
        maps = parts.new_zeros(len(sources), parts.shape[1])
        for lag in range(self._order):
            of_lag = tile.members // self._sources == lag
            maps[row[of_lag]] += parts[of_lag]  # every source at most once
        at, pixel = maps.nonzero().T
        width = tile.columns.stop - tile.columns.start
        pixel = pixel // width * self._width + tile.columns.start + pixel % width
        source = sources[at].to(torch.int32).cpu().numpy()
        return source, pixel.to(torch.int32).cpu().numpy(), maps[maps != 0].cpu().numpy()


def _cut(size: int) -> list[slice]:
    """Cut a side of the picture into tiles."""
    return [slice(first, min(first + _TILE, size)) for first in range(0, size, _TILE)]
