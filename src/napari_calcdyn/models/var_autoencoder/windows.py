"""A recording as normalised tensors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.recording import Movie

_BATCH_BYTES = 16 * 2**20  # what a memory allocator gives again without asking the system


class NormalisedMovie:
    """A movie as the network sees it: ``(x[t] − m)/s``, float32, on a device; read block by block.

    Parameters
    ----------
    movie : Movie
        The recording.
    offset : ndarray (Y, X), float32
        m, the part that bypasses the network.
    scale : float
        s.
    device : torch.device
        Device of the tensors.
    """

    def __init__(self, movie: Movie, offset: NDArray[np.float32], scale: float, device: torch.device) -> None:
        self._movie, self.device = movie, device
        valid = movie.valid_pixels & np.isfinite(offset)
        self.used_pixels = torch.from_numpy(valid.astype(np.float32)).to(device)
        """1 at pixels that can be used, 0 at masked ones, (Y, X)."""
        self._masked = None if valid.all() else torch.from_numpy(~valid).to(device)
        self._frames = None if movie.valid_frames.all() else torch.from_numpy(movie.valid_frames).to(device)
        self._offset = torch.from_numpy(np.where(valid, offset, np.float32(0))).to(device)
        self._scale = scale

    def frames(self, start: int, stop: int) -> Tensor:
        """Return frames `start` to `stop` − 1, (n, Y, X); 0 at masked pixels and in frames that cannot be used."""
        raw = self._movie.frames(start, stop).astype(np.float32, copy=False)
        frames = torch.from_numpy(raw).to(self.device).sub(self._offset).div_(self._scale)
        if self._masked is not None:
            frames.masked_fill_(self._masked, 0)
        valid = self.valid(start, stop)
        return frames if valid is None else frames.masked_fill_(~valid[:, None, None], 0)

    def valid(self, start: int, stop: int | None) -> Tensor | None:
        """Tell which of the frames `start` to `stop` − 1 can be used, (n,); None where all can."""
        return None if self._frames is None else self._frames[start:stop]

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, Tensor]]:
        """Yield frames in order, in batches of bounded size.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Yields
        ------
        first : int
            First frame of the batch.
        frames : Tensor (n, Y, X)
            Normalised frames.
        """
        for first, last in self.spans(start, stop):
            yield first, self.frames(first, last)

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut frames into batches of bounded size.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Yields
        ------
        first, last : int
            A batch, as in a slice.
        """
        step = max(1, _BATCH_BYTES // (4 * self._offset.numel()))
        for first in range(start, stop, step):
            yield first, min(first + step, stop)
