"""Pages of one file: where their bytes are, and how bytes become pixels."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError


@lru_cache(maxsize=1)
def page_pool() -> ThreadPoolExecutor:
    """Return the threads that read and decode pages, shared by all movies."""
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="pages")


@dataclass(frozen=True)
class Decoder:
    """How the pages of one TIFF are decoded.

    Parameters
    ----------
    decode : callable
        ``TiffPage.decode`` of a page whose format all share.
    segments : list of tuple
        For every page, the offsets and byte counts of its strips or tiles.
    jpeg_tables : bytes or None
        Shared JPEG tables.
    """

    decode: Callable[..., Any]
    segments: list[tuple[tuple[int, ...], tuple[int, ...]]]
    jpeg_tables: bytes | None

    def read(self, file: BinaryIO, page: int, out: NDArray[Any]) -> None:
        """Decode one page into `out` (Y, X)."""
        for index, (offset, count) in enumerate(zip(*self.segments[page], strict=True)):
            data = None
            if count:
                file.seek(offset)
                data = file.read(count)
            segment, (_, _, top, left, _), _ = self.decode(data, index, jpegtables=self.jpeg_tables)
            part = out[top:, left:]
            if segment is None:  # a strip left out of the file stands for zeros
                continue
            pixels = segment[0, :, :, 0][: part.shape[0], : part.shape[1]]
            part[: pixels.shape[0], : pixels.shape[1]] = pixels


@dataclass(frozen=True)
class Pages:
    """The pages of one file, all of one size and dtype. Holds no open file.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        (Y, X) of a page.
    dtype : numpy.dtype
        As stored, with the file's byte order.
    offsets : ndarray of shape (n,)
        Where each page's first byte is.
    decoder : Decoder or None
        None where the bytes are the pixels.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    offsets: NDArray[np.int64]
    decoder: Decoder | None = None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one decoded page."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def ends(self) -> NDArray[np.int64]:
        """Return the byte after each page's last one, for finding files that were cut short."""
        if self.decoder is None:
            return self.offsets + self.frame_bytes
        ends = [
            max((o + c for o, c in zip(*segment, strict=True)), default=0)
            for segment in self.decoder.segments
        ]
        return np.array(ends, dtype=np.int64)

    def read(self, pages: NDArray[np.intp], out: NDArray[Any]) -> None:
        """Read pages into `out` (n, Y, X) of native dtype.

        Raises
        ------
        InputError
            If the file is gone, shorter than it was, or a page cannot be decoded.
        """
        try:
            # Opened anew each time: threads share no position, and nothing stays open.
            with open(self.path, "rb", buffering=0) as file:
                if self.decoder is None:
                    self._read_raw(file, pages, out)
                else:
                    self._decode(file, pages, out)
        except OSError as error:
            raise InputError(f"{self.path.name} could not be read: {error.strerror or error}.") from error

    def _read_raw(self, file: BinaryIO, pages: NDArray[np.intp], out: NDArray[Any]) -> None:
        target = out if self.dtype.isnative and out.flags.c_contiguous else np.empty(out.shape, self.dtype)
        offsets = self.offsets[pages]
        breaks = np.flatnonzero(np.diff(offsets) != self.frame_bytes) + 1
        for run in np.split(np.arange(len(pages)), breaks):
            view = target[run[0] : run[-1] + 1].reshape(-1).view(np.uint8).data
            file.seek(int(offsets[run[0]]))
            done = 0
            while done < len(view):
                count = file.readinto(view[done:])  # type: ignore[attr-defined]
                if not count:
                    raise InputError(f"{self.path.name} became shorter while it was read: copy it again.")
                done += count
        if target is not out:
            out[...] = target

    def _decode(self, file: BinaryIO, pages: NDArray[np.intp], out: NDArray[Any]) -> None:
        assert self.decoder is not None
        for page, frame in zip(pages, out, strict=True):
            frame[...] = 0
            try:
                self.decoder.read(file, int(page), frame)
            except OSError:
                raise
            except Exception as error:  # decoders of all kinds raise errors of all kinds
                raise InputError(
                    f"Page {page} of {self.path.name} cannot be decoded, the file is damaged: "
                    f"make a new copy ({error})."
                ) from error
