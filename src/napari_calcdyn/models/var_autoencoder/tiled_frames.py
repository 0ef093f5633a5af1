"""Frames of a recording cut into the tiles of a network, from the device's memory if they fit or from the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.memory import room_for_frames
from napari_calcdyn.recording import ProgressCallback, report

from .grid import Grid
from .tiles import Tiles
from .windows import NormalisedMovie

_MOST_SAMPLED = 128 * 2**20  # pixels
_STRETCH = 24


class TiledFrames:
    """A recording as training uses it.

    A recording that fits is cut once and kept on the device, so that no training step pads or permutes pixels. A larger
    one is read from its file, a few stretches at a time, those of the next step in the background.

    Parameters
    ----------
    movie : NormalisedMovie
        The recording.
    grid : Grid
        Whose tiles; that of a network.
    cached_frames : sequence of int
        Numbers of first frames; the largest that fits is kept on the device.
    share : range, optional
        Where there are several processes: the frames that this one trains on, which it keeps in place of these.
    progress : callable or None
        Called with frames cut and to cut; returns True to stop.
    """

    def __init__(
        self,
        movie: NormalisedMovie,
        grid: Grid,
        *,
        cached_frames: Sequence[int] = (),
        share: range | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        self._movie, self._grid, self.device = movie, grid, movie.device
        self.used = grid.cut(movie.used_pixels[None])[:, 0]
        """1 at pixels that count, 0 at masked ones and beyond the edge, (tiles, s²)."""
        self.pixels = float(self.used.sum())
        self._cache: Tiles | None = None
        self._squares: Tensor | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read ahead")
        self._ahead: tuple[Sequence[int], int, Future[Tiles]] | None = None
        room = _room(self.device)
        self._all_fit = frames_to_keep(cached_frames, self.used.numel(), room, self.device)
        kept = range(self._all_fit) if share is None else share
        self._first = kept.start
        if frames_to_keep([len(kept)], self.used.numel(), room, self.device):
            self._cache = self._read([kept.start], len(kept), progress=progress)
            self._squares = self._cache.squares()

    def tiles(self, start: int, stop: int) -> Tiles:
        """Return frames `start` to `stop` − 1; 0 where there is nothing to use."""
        first = start - self._first
        if self._cache is not None and first >= 0 and stop - self._first <= len(self._cache):
            return self._cache.stretches([first], stop - start)
        return self._read([start], stop - start)

    def stretches(self, starts: Sequence[int], length: int) -> Tiles:
        """Return stretches of `length` frames; parts of the cache where there is one."""
        if self._cache is not None:
            return self._cache.stretches([it - self._first for it in starts], length)
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[:2] == (starts, length):
            return ahead[2].result()
        return self._read(starts, length)

    def read_ahead(self, starts: Sequence[int], length: int) -> None:
        """Begin to read the stretches that are asked for next, where they have to be read."""
        if self._cache is None and self._ahead is None:
            self._ahead = (starts, length, self._reader.submit(self._read, starts, length))

    def squares(self, starts: Sequence[int], length: int) -> Tensor | None:
        """Return the sum of squares of each frame of stretches, (W·L,); None where they are not known."""
        if self._squares is None:
            return None
        first = self._first
        return torch.cat([self._squares[start - first : start - first + length] for start in starts])

    def sample(self, count: int, gap: int) -> Tiles:
        """Return the first `count` frames, or where they take much memory stretches spread over them.

        Parameters
        ----------
        count : int
            Number of first frames.
        gap : int
            Number of frames of zeros after each stretch.

        Returns
        -------
        Tiles
            Frames in time order.
        """
        if self._all_fit:
            return self.tiles(0, count)
        most = most_sampled(self.used.numel())
        starts, length, gap = [0], count, 0 if count <= most else gap
        if count > most:
            length = _STRETCH
            starts = np.linspace(0, count - length, most // (length + gap) + 1).astype(int).tolist()
        return self._read(starts, length, gap)

    def _read(
        self, starts: Sequence[int], length: int, gap: int = 0, progress: ProgressCallback | None = None
    ) -> Tiles:
        """Read stretches of `length` frames, and so many frames of zeros after each."""
        tiles, pixels = self.used.shape
        room = Tiles.room(tiles, (length + gap) * len(starts), pixels, self.device)
        for at, start in enumerate(starts):
            first = at * (length + gap)
            for begin, block in self._movie.batches(start, start + length):
                self._grid.store(block, room, first + begin - start)
                report(progress, begin + len(block), start + length)
            room.values[:, first + length : first + length + gap] = 0
        return room if gap else room.stretches([it * length for it in range(len(starts))], length)

    def valid(self, start: int, stop: int) -> Tensor | None:
        """Tell which of the frames `start` to `stop` − 1 can be used, (n,); None where all can."""
        return self._movie.valid(start, stop)

    def valid_stretches(self, starts: Sequence[int], length: int) -> Tensor | None:
        """Tell which frames of stretches can be used, (W, L); None where all can."""
        valid = self._movie.valid(0, None)
        return None if valid is None else torch.stack([valid[start : start + length] for start in starts])

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, Tiles]]:
        """Yield frames in order, in batches of bounded size.

        Parameters
        ----------
        start, stop : int
            As in a slice.

        Yields
        ------
        first : int
            First frame of the batch.
        tiles : Tiles
            The frames.
        """
        for first, last in self._movie.spans(start, stop):
            yield first, self.tiles(first, last)


def frames_to_keep(counts: Sequence[int], pixels: int, room: int, device: torch.device) -> int:
    """Return the largest of the numbers of frames, of so many pixels in tiles, that fits into so many bytes, or 0."""
    frame = (2 if device.type == "cpu" else 4) * pixels
    return max((it for it in counts if it * frame <= room), default=0)


def most_sampled(pixels: int) -> int:
    """Return on how many frames, of so many pixels in tiles, the first footprints are found at most."""
    return max(_STRETCH, _MOST_SAMPLED // pixels)


def _room(device: torch.device) -> int:
    """Return how many bytes of frames may stay on the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # memory of an earlier training is free again
        return torch.cuda.mem_get_info(device)[0] // 2
    return room_for_frames()


@torch.no_grad()
def encode_movie(
    encode: Callable[[Any], Tensor],
    movie: TiledFrames | NormalisedMovie,
    frames: range,
    progress: ProgressCallback | None = None,
) -> NDArray[np.float32]:
    """Encode consecutive frames of a movie, block by block, to (n, d); NaN for frames that are left out.

    `encode` is the network's function for what the movie's batches are.
    """
    found: NDArray[np.float32] | None = None
    for start, block in movie.batches(frames.start, frames.stop):
        first, last = start - frames.start, start - frames.start + len(block)
        latents = encode(block).cpu().numpy()
        if found is None:  # parts that are kept would tear up the memory between the blocks
            found = np.empty((len(frames), latents.shape[1]), np.float32)
        found[first:last] = latents
        valid = movie.valid(start, start + len(block))
        if valid is not None:
            found[first:last][~valid.cpu().numpy()] = np.nan
        report(progress, last, len(frames))
    assert found is not None
    return found
