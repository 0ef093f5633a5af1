"""Split of the explained map between sources, in memory that does not grow with the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from torch import Tensor
from torch.nn.functional import max_pool2d

from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder

from .source_maps import SourceMaps

_TILE = 32
_DECODED_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class _Tile:
    """A tile of the image, the predictors that reach it, and their sums of products with its pixels."""

    rows: slice
    columns: slice
    members: Tensor  # (m,) which of the predictors
    sums: Tensor  # (m, pixels) Σ_t of predictor times pixel


class SourceSplit:
    """Sums up ``Σ_t (s D(δ_k[t])) · (x[t] − m)`` for every source k.

    The decoder is linear, so with a predictor q = (lag l, source k), of value ``z̃_k[t−l]``, and W_q the image
    of what one unit of it predicts, ``D(δ_k[t]) = Σ_l z̃_k[t−l] W_q``. Only ``Σ_t z̃_k[t−l] (x[t] − m)`` has to
    be carried through time, a matrix product per block of frames. And only where W_q is not zero: the VAR is
    sparse and the decoder local, so a tile of the image is reached by a fraction of the predictors.

    Parameters
    ----------
    network : PatchAutoencoder
        The decoder.
    effects : Tensor (p·d, d)
        What one unit of each predictor adds to every latent, as in `Predictor`.
    order : int
        Number of lags p.
    sources : list of int
        Which sources to follow.
    """

    def __init__(self, network: PatchAutoencoder, effects: Tensor, order: int, sources: list[int]) -> None:
        self._network, self._order, self._sources = network, order, len(sources)
        at = torch.tensor(sources, dtype=torch.int64, device=effects.device)
        predictors = (torch.arange(order, device=effects.device)[:, None] * effects.shape[1] + at).flatten()
        self._effects = effects[predictors]
        reached = torch.cat(
            [_occupied(self._decode(lag, some)) for lag in range(order) for some in self._blocks()]
        )
        self._tiles: list[_Tile] = []
        height, width = network.frame_shape
        for row, column in np.ndindex(*reached.shape[1:]):
            members = reached[:, row, column].nonzero().flatten()
            rows = slice(row * _TILE, min((row + 1) * _TILE, height))
            columns = slice(column * _TILE, min((column + 1) * _TILE, width))
            pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
            if len(members):
                sums = effects.new_zeros(len(members), pixels)
                self._tiles.append(_Tile(rows, columns, members, sums))
        self._columns = [predictors[tile.members] for tile in self._tiles]

    def add(self, past: Tensor, frames: Tensor) -> None:
        """Take in the next frames.

        Parameters
        ----------
        past : Tensor (n, p·d)
            Past of these frames' latents.
        frames : Tensor (n, Y, X)
            ``x[t] − m``, normalised.
        """
        by_predictor = past.T.contiguous()
        for tile, columns in zip(self._tiles, self._columns, strict=True):
            pixels = frames[:, tile.rows, tile.columns].flatten(1)
            tile.sums.addmm_(by_predictor[columns], pixels)

    def result(self, scale: float, left_out: NDArray[np.bool_]) -> SourceMaps:
        """Return the sums, some sources at a time, so that they take little more memory than the result.

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
        blocks = [self._block(some) * np.float32(scale) for some in self._blocks()]
        return SourceMaps.from_sparse(vstack(blocks, format="csr"), left_out)

    def _block(self, some: slice) -> csr_array:
        """Return the sums of some sources, (n, Y·X)."""
        maps = self._effects.new_zeros(some.stop - some.start, *self._network.frame_shape)
        for lag in range(self._order):
            images = self._decode(lag, some)
            first = lag * self._sources + some.start
            ends = torch.tensor([first, first + len(images)], device=images.device)
            for tile in self._tiles:
                start, stop = torch.searchsorted(tile.members, ends).tolist()
                members = tile.members[start:stop] - first
                window = images[members, tile.rows, tile.columns]
                # all of one lag, hence every source at most once
                maps[members, tile.rows, tile.columns] += tile.sums[start:stop].view_as(window) * window
        return csr_array(maps.flatten(1).cpu().numpy())

    def _decode(self, lag: int, some: slice) -> Tensor:
        """Decode the effects of some sources at one lag, (n, Y, X)."""
        first = lag * self._sources
        return self._network.decode(self._effects[first + some.start : first + some.stop])

    def _blocks(self) -> Iterator[slice]:
        """Yield all sources, some at a time."""
        step = max(1, _DECODED_BYTES // (4 * int(np.prod(self._network.frame_shape))))
        for first in range(0, self._sources, step):
            yield slice(first, min(first + step, self._sources))


def _occupied(images: Tensor) -> Tensor:
    """Return in which tiles images (n, Y, X) are not zero, (n, rows, columns)."""
    return max_pool2d(images.abs()[:, None], _TILE, ceil_mode=True)[:, 0] > 0
