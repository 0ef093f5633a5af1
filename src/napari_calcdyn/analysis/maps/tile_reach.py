"""Which predictors reach which tiles of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from .canvas import Canvas


class TileReach:
    """List, for every tile of the network, the predictors that reach it; and look up what they do there.

    A predictor reaches a tile if it has an effect on one of the targets that show there: four latents, whose footprints
    meet in it, and ROIs. The predictors of a tile are its members. All tiles in a row of tiles have equally many, so
    that they take part in one product; the lists are filled up with an additional predictor, the last one, which is
    always zero.

    Parameters
    ----------
    canvas : Canvas
        The network, or a `RoiCanvas`.
    reach : csr_array (d, p·d)
        An entry for every pair of a latent and a predictor that may have an effect on it, with any value.

    Attributes
    ----------
    members : ndarray (m,), int64
        Number of the predictor, tile by tile; p·d where the list is filled up.
    tiles : ndarray (m,), int64
        Number of the tile.
    """

    def __init__(self, canvas: Canvas, reach: csr_array) -> None:
        latents = canvas.tile_latents.cpu().numpy()
        self._latents, self._predictors = latents, reach.shape[1]
        tile, corner = np.nonzero(latents >= 0)
        shown = csr_array(
            (np.ones(len(tile), np.float32), (tile, latents[tile, corner])),
            shape=(len(latents), canvas.latents),
        )
        ones = np.ones(reach.nnz, np.float32)
        pattern = csr_array((ones, reach.indices, reach.indptr), shape=reach.shape, copy=True)  # it is sorted
        reached = shown @ pattern
        reached.sort_indices()
        counts = np.diff(reached.indptr).reshape(canvas.rows + 1, canvas.columns + 1)
        self._across = canvas.columns + 1
        self._widths = counts.max(1)
        widths = np.repeat(self._widths, self._across)
        self.tiles = np.repeat(np.arange(len(latents)), widths)
        place = np.arange(len(self.tiles)) - np.repeat(np.cumsum(widths) - widths, widths)
        self.members = np.full(len(self.tiles), self._predictors)
        self.members[place < counts.ravel()[self.tiles]] = reached.indices
        pattern.sort_indices()
        target, predictor = pattern.nonzero()
        self._pairs = target.astype(np.int64) * self._predictors + predictor

    def rows(self) -> Iterator[tuple[int, slice, slice, int]]:
        """Yield the rows of tiles that anything reaches.

        Yields
        ------
        row : int
            Its number.
        tiles, members : slice
            Which of the tiles and of the members belong to it.
        width : int
            Members of each tile.
        """
        begin = 0
        for row, width in enumerate(self._widths.tolist()):
            end = begin + width * self._across
            if width:
                yield row, slice(row * self._across, (row + 1) * self._across), slice(begin, end), width
            begin = end

    def weights(self, effects: csr_array) -> Tensor:
        """Look up what one unit of each member adds to the c targets of its tile.

        Parameters
        ----------
        effects : csr_array (d, p·d)
            Coefficients, as in `Predictor`.

        Returns
        -------
        Tensor (m, c), float32
            0 where a tile has fewer.

        Raises
        ------
        ValueError
            If there is an effect outside the reach.
        """
        entries = effects.tocoo()
        at = self._find(entries.row, entries.col)
        if not at.all():
            raise ValueError("there are effects outside the reach")
        values = np.zeros(len(self._pairs) + 1, np.float32)
        values[at] = entries.data
        return torch.from_numpy(values[self._lookup])

    @cached_property
    def _lookup(self) -> NDArray[np.int32]:
        """Number of the pair of each member and each target of its tile, (m, c); 0 if there is none."""
        most = self._latents.shape[1]
        lookup = np.empty((len(self.tiles), most), np.int32)
        for corner in range(most):
            latents = self._latents[self.tiles, corner]
            known = (latents >= 0) & (self.members < self._predictors)
            lookup[:, corner] = np.where(known, self._find(latents, self.members), 0)
        return lookup

    def _find(self, latents: NDArray[np.integer], predictors: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the numbers of pairs, counted from 1; 0 for those outside the reach."""
        wanted = latents.astype(np.int64) * self._predictors + predictors
        at = np.searchsorted(self._pairs, wanted)
        known = np.append(self._pairs, -1)[at] == wanted
        return np.where(known, at + 1, 0)
