"""Stretches of a recording as normalised tensors, from the device's memory if they fit or from the file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from napari_calcdyn.recording import Movie, ProgressCallback, report

from .network import PatchAutoencoder

_CACHE_BYTES = 2 * 2**30
_BATCH_BYTES = 32 * 2**20
_SAMPLE_BYTES = 512 * 2**20
_STRETCH = 64


class NormalisedMovie:
    """A movie as the network sees it: ``(x[t] − m)/s``, float32, on a device.

    A recording that fits is kept on the device, so that training steps copy nothing. A larger one is read from its
    file, a few stretches at a time.

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
    cached_frames : int
        Number of first frames to keep on the device if they fit.
    progress : callable or None
        Called with frames cached and to cache; returns True to stop.
    """

    def __init__(
        self,
        movie: Movie,
        offset: NDArray[np.float32],
        scale: float,
        device: torch.device,
        *,
        cached_frames: int = 0,
        progress: ProgressCallback | None = None,
    ) -> None:
        self._movie, self.device = movie, device
        valid = movie.valid_pixels & np.isfinite(offset)
        self._masked = None if valid.all() else torch.from_numpy(~valid).to(device)
        self._frames = None if movie.valid_frames.all() else torch.from_numpy(movie.valid_frames).to(device)
        self.pixels = int(valid.sum())
        self._offset = torch.from_numpy(np.where(valid, offset, np.float32(0))).to(device)
        self._scale = scale
        self._cache: Tensor | None = None
        if cached_frames and 4 * cached_frames * offset.size <= _room(device):
            cache = torch.empty(cached_frames, *offset.shape, device=device)
            for start, stop in self._batches(0, cached_frames):
                cache[start:stop] = self.frames(start, stop)
                report(progress, stop, cached_frames)
            self._cache = cache

    def frames(self, start: int, stop: int) -> Tensor:
        """Return frames `start` to `stop` − 1, (n, Y, X); 0 at masked pixels and in frames that cannot be used."""
        if self._cache is not None and stop <= len(self._cache):
            return self._cache[start:stop]
        raw = self._movie.frames(start, stop).astype(np.float32, copy=False)
        frames = torch.from_numpy(raw).to(self.device).sub(self._offset).div_(self._scale)
        if self._masked is not None:
            frames.masked_fill_(self._masked, 0)
        valid = self.valid(start, stop)
        return frames if valid is None else frames.masked_fill_(~valid[:, None, None], 0)

    def sample(self, count: int, gap: int) -> Tensor:
        """Return the first `count` frames, or where they take much memory stretches spread over them.

        Parameters
        ----------
        count : int
            Number of first frames.
        gap : int
            Number of frames of zeros after each stretch.

        Returns
        -------
        Tensor (n, Y, X)
            Frames in time order.
        """
        most = max(_STRETCH, _SAMPLE_BYTES // (4 * self._offset.numel()))
        if self._cache is not None or count <= most:
            return self.frames(0, count)
        starts = np.linspace(0, count - _STRETCH, most // (_STRETCH + gap) + 1).astype(int)
        return torch.cat(
            [pad(self.frames(start, start + _STRETCH), (0, 0, 0, 0, 0, gap)) for start in starts]
        )

    def valid(self, start: int, stop: int) -> Tensor | None:
        """Tell which of the frames `start` to `stop` − 1 can be used, (n,); None where all can."""
        return None if self._frames is None else self._frames[start:stop]

    def error(self, decoded: Tensor, frames: Tensor) -> Tensor:
        """Return how far decoded frames (n, Y, X) are from these, 0 at masked pixels."""
        error = decoded - frames
        return error if self._masked is None else error.masked_fill(self._masked, 0)

    def windows(self, starts: Tensor, length: int) -> Tensor:
        """Return stretches of `length` frames, (W, L, Y, X)."""
        if self._cache is not None:
            at = starts[:, None] + torch.arange(length, device=self.device)
            return self._cache[at]
        return torch.stack([self.frames(start, start + length) for start in starts.tolist()])

    def valid_windows(self, starts: Tensor, length: int) -> Tensor | None:
        """Tell which frames of stretches can be used, (W, L); None where all can."""
        if self._frames is None:
            return None
        return self._frames[starts[:, None] + torch.arange(length, device=self.device)]

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
        for first, last in self._batches(start, stop):
            yield first, self.frames(first, last)

    def _batches(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        step = max(1, _BATCH_BYTES // (4 * self._offset.numel()))
        for first in range(start, stop, step):
            yield first, min(first + step, stop)


def _room(device: torch.device) -> int:
    """Return how many bytes of frames may stay on the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # memory of an earlier training is free again
        return torch.cuda.mem_get_info(device)[0] // 2
    return _CACHE_BYTES


@torch.no_grad()
def encode_movie(
    network: PatchAutoencoder, movie: NormalisedMovie, frames: range, progress: ProgressCallback | None = None
) -> NDArray[np.float32]:
    """Encode consecutive frames of a movie, block by block, to (n, d); NaN for frames that are left out."""
    latents = np.empty((len(frames), network.latents), np.float32)
    for start, block in movie.batches(frames.start, frames.stop):
        at = start - frames.start
        latents[at : at + len(block)] = network.encode(block).cpu().numpy()
        valid = movie.valid(start, start + len(block))
        if valid is not None:
            latents[at : at + len(block)][~valid.cpu().numpy()] = np.nan
        report(progress, at + len(block), len(frames))
    return latents
