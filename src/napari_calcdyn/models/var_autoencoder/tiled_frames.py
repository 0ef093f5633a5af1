"""Frames of a recording cut into the tiles of a network, from the device's memory if they fit or from the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.memory import room_for_frames
from napari_calcdyn.recording import ProgressCallback, report

from .network import PatchAutoencoder, sums_of_squares
from .windows import NormalisedMovie

_MOST_SAMPLED = 512 * 2**20
_STRETCH = 24


class TiledFrames:
    """A recording as training uses it: tiles (tiles, n, s²) of n frames.

    A recording that fits is cut once and kept on the device, so that no training step pads or permutes pixels. A larger
    one is read from its file, a few stretches at a time, those of the next step in the background.

    Parameters
    ----------
    movie : NormalisedMovie
        The recording.
    network : PatchAutoencoder
        Whose tiles.
    cached_frames : sequence of int
        Numbers of first frames; the largest that fits is kept on the device.
    progress : callable or None
        Called with frames cut and to cut; returns True to stop.
    """

    def __init__(
        self,
        movie: NormalisedMovie,
        network: PatchAutoencoder,
        *,
        cached_frames: Sequence[int] = (),
        progress: ProgressCallback | None = None,
    ) -> None:
        self._movie, self._network, self.device = movie, network, movie.device
        self.used = network.cut(movie.used_pixels[None])[:, 0]
        """1 at pixels that count, 0 at masked ones and beyond the edge, (tiles, s²)."""
        self.pixels = float(self.used.sum())
        self._cache: Tensor | None = None
        self._squares: Tensor | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read ahead")
        self._ahead: tuple[Sequence[int], int, Future[list[Tensor]]] | None = None
        room = _room(self.device)
        count = max((it for it in cached_frames if 4 * it * self.used.numel() <= room), default=0)
        if count:
            cache = self.used.new_empty(len(self.used), count, self.used.shape[1])
            squares = self.used.new_empty(count)
            for start, block in movie.batches(0, count):
                stop = start + len(block)
                network.cut_into(cache[:, start:stop], block)
                squares[start:stop] = sums_of_squares(cache[:, start:stop])
                report(progress, stop, count)
            self._cache, self._squares = cache, squares

    def tiles(self, start: int, stop: int) -> Tensor:
        """Return frames `start` to `stop` − 1, (tiles, n, s²); 0 where there is nothing to use."""
        if self._cache is not None and stop <= self._cache.shape[1]:
            return self._cache[:, start:stop]
        return self._network.cut(self._movie.frames(start, stop))

    def stretches(self, starts: Sequence[int], length: int) -> list[Tensor]:
        """Return stretches of `length` frames, each (tiles, L, s²); parts of the cache where there is one."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[:2] == (starts, length):
            return ahead[2].result()
        return [self.tiles(start, start + length) for start in starts]

    def read_ahead(self, starts: Sequence[int], length: int) -> None:
        """Begin to read the stretches that are asked for next, where they have to be read."""
        if self._cache is None and self._ahead is None:
            parts = self._reader.submit(lambda: [self.tiles(start, start + length) for start in starts])
            self._ahead = (starts, length, parts)

    def squares(self, starts: Sequence[int], length: int) -> Tensor | None:
        """Return the sum of squares of each frame of stretches, (W·L,); None where they are not known."""
        if self._squares is None:
            return None
        return torch.cat([self._squares[start : start + length] for start in starts])

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
        Tensor (tiles, n, s²)
            Frames in time order.
        """
        most = max(_STRETCH, _MOST_SAMPLED // (4 * self.used.numel()))
        if self._cache is not None:
            return self.tiles(0, count)
        starts, length, gap = [0], count, 0 if count <= most else gap
        if count > most:
            length = _STRETCH
            starts = np.linspace(0, count - length, most // (length + gap) + 1).astype(int).tolist()
        sample = self.used.new_zeros(len(self.used), (length + gap) * len(starts), self.used.shape[1])
        for at, start in enumerate(starts):
            for first, block in self._movie.batches(start, start + length):
                here = at * (length + gap) + first - start
                self._network.cut_into(sample[:, here : here + len(block)], block)
        return sample

    def valid(self, start: int, stop: int) -> Tensor | None:
        """Tell which of the frames `start` to `stop` − 1 can be used, (n,); None where all can."""
        return self._movie.valid(start, stop)

    def valid_stretches(self, starts: Sequence[int], length: int) -> Tensor | None:
        """Tell which frames of stretches can be used, (W, L); None where all can."""
        valid = self._movie.valid(0, None)
        return None if valid is None else torch.stack([valid[start : start + length] for start in starts])

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
        tiles : Tensor (tiles, n, s²)
            The frames.
        """
        for first, last in self._movie.spans(start, stop):
            yield first, self.tiles(first, last)


def _room(device: torch.device) -> int:
    """Return how many bytes of frames may stay on the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # memory of an earlier training is free again
        return torch.cuda.mem_get_info(device)[0] // 2
    return room_for_frames()


@torch.no_grad()
def encode_movie(
    network: PatchAutoencoder, movie: TiledFrames, frames: range, progress: ProgressCallback | None = None
) -> NDArray[np.float32]:
    """Encode consecutive frames of a movie, block by block, to (n, d); NaN for frames that are left out."""
    latents = np.empty((len(frames), network.latents), np.float32)
    for start, tiles in movie.batches(frames.start, frames.stop):
        at, stop = start - frames.start, start - frames.start + tiles.shape[1]
        latents[at:stop] = network.encode_tiles(tiles).cpu().numpy()
        valid = movie.valid(start, start + tiles.shape[1])
        if valid is not None:
            latents[at:stop][~valid.cpu().numpy()] = np.nan
        report(progress, stop, len(frames))
    return latents
