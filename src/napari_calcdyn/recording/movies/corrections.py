"""What is put right in a recording when it is read, and what of it is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import count_text
from napari_calcdyn.recording.ranges import GAP, laid_out

from .clipping import Clipping
from .warping import shifted

KINDS = ("motion", "brightness", "lines", "frames", "pixels")
"""What can be corrected, in the order of the command line."""


class Frames(Protocol):
    """A stack of frames that can be read in parts; `Movie` is one."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that the frames are read from."""

    def frames(self, start: int, stop: int) -> NDArray[Any]:
        """Read frames `start` to `stop` − 1."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """Corrections of one recording; the file itself is never changed.

    Attributes
    ----------
    kinds : tuple of str
        Which of `KINDS` were applied.
    valid_frames : ndarray (T,), bool
        Frames that take part in statistics, training and tests. Time goes on in the others.
    valid_pixels : ndarray (Y, X), bool
        Pixels that take part. The others are NaN.
    bad_frames : tuple of (start, stop, reason)
        Stretches of frames that are left out, in time order.
    shifts : ndarray (T, 2), float32, or None
        Displacement (y, x) of each frame, px.
    brightness : ndarray (T,), float32, or None
        Light of each frame, of mean 1.
    dark_level : float
        Value of a pixel without light, in movie units.
    line_shift : float
        Displacement of odd lines in x, px.
    reference : ndarray (Y, X), float32, or None
        Picture that frames were registered to; another recording is registered to the same.
    left : tuple of str
        Sentences about what was found and is not corrected.
    clipping : Clipping or None
        Pixels that are at the ceiling of the camera in some frames, which are mended.
    """

    kinds: tuple[str, ...]
    valid_frames: NDArray[np.bool_]
    valid_pixels: NDArray[np.bool_]
    bad_frames: tuple[tuple[int, int, str], ...] = ()
    shifts: NDArray[np.float32] | None = None
    brightness: NDArray[np.float32] | None = None
    dark_level: float = 0.0
    line_shift: float = 0.0
    reference: NDArray[np.float32] | None = field(default=None, repr=False)
    left: tuple[str, ...] = ()
    clipping: Clipping | None = field(default=None, repr=False)

    @property
    def masked_pixels(self) -> int:
        """Number of pixels that are left out."""
        return int((~self.valid_pixels).sum())

    @property
    def change_anything(self) -> bool:
        """Whether any pixel of any frame is another one after the correction."""
        return (
            self.shifts is not None
            or self.brightness is not None
            or self.line_shift != 0
            or self.clipping is not None
            or self.masked_pixels > 0
        )

    def for_others(self) -> Corrections:
        """Return what of these corrections holds for another recording of the field of view.

        Returns
        -------
        Corrections
            Without what belongs to single frames.
        """
        return Corrections(
            self.kinds,
            np.zeros(0, bool),
            self.valid_pixels,
            line_shift=self.line_shift,
            reference=self.reference,
        )

    def record(self) -> dict[str, Any]:
        """Return what result files say.

        Returns
        -------
        dict
            ``corrections``, ``bad_frames``, ``masked_pixels``, all of it as a sentence in ``corrected``, and what is
            wrong and not corrected in ``findings``.
        """
        return {
            "corrections": list(self.kinds),
            "bad_frames": [list(it) for it in self.bad_frames],
            "masked_pixels": self.masked_pixels,
            "corrected": str(self) if self.kinds else "",
            "findings": list(self.left),
        }

    def __str__(self) -> str:
        """Return one sentence that says what is corrected."""
        parts = []
        if self.shifts is not None:
            far = float(np.linalg.norm(self.shifts[self.valid_frames], axis=1).max(initial=0))
            parts.append(f"motion (up to {far:.1f} px)")
        if self.brightness is not None:
            valid = self.brightness[self.valid_frames]
            parts.append(f"brightness ({valid.min(initial=1):.2f} to {valid.max(initial=1):.2f})")
        if self.line_shift:
            parts.append(f"odd lines ({self.line_shift:+.1f} px)")
        left_out = int((~self.valid_frames).sum())
        if left_out:
            parts.append(f"{count_text(left_out, 'bad frame')} left out")
        if self.clipping is not None:
            parts.append(f"{count_text(int(self.clipping.mended.sum()), 'saturated pixel')} mended")
        if self.masked_pixels:
            parts.append(f"{count_text(self.masked_pixels, 'pixel')} left out")
        return f"Corrected: {', '.join(parts)}." if parts else "Nothing is corrected."

    def apply(self, frames: NDArray[Any], start: int) -> NDArray[np.float32]:
        """Correct frames as they were stored.

        Parameters
        ----------
        frames : ndarray (n, Y, X)
            Consecutive frames.
        start : int
            Number of the first one in the recording.

        Returns
        -------
        ndarray (n, Y, X), float32
            In movie units; NaN at pixels that are left out. Frames that are left out are corrected as well.
        """
        out = frames.astype(np.float32)
        if self.clipping is not None:
            self.clipping.mend(out)
        if self.shifts is not None or self.line_shift:
            for frame, at in zip(out, range(start, start + len(out)), strict=True):
                shift = (0.0, 0.0) if self.shifts is None else self.shifts[at]
                frame[...] = shifted(frame, shift, self.line_shift)
        if self.brightness is not None:
            light = self.brightness[start : start + len(out), None, None]
            out -= np.float32(self.dark_level)
            out /= light
            out += np.float32(self.dark_level)
        if self.masked_pixels:
            out[:, ~self.valid_pixels] = np.nan
        return out


class CorrectedSource:
    """Frames of a recording, corrected when they are read.

    Parameters
    ----------
    frames : Frames
        The recording as it is.
    corrections : Corrections
        What is put right.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, frames: Frames, corrections: Corrections) -> None:
        self._frames, self._corrections = frames, corrections
        self.shape, self.files = frames.shape, frames.files

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read consecutive frames into `out`, from `start` on."""
        out[...] = self._corrections.apply(self._frames.frames(start, start + len(out)), start)

    def lazy(self) -> Any:
        """Return None: frames can only be read."""
        return


def nothing_corrected(shape: tuple[int, int, int]) -> Corrections:
    """Return the corrections of a recording that is used as it is.

    Parameters
    ----------
    shape : tuple of int
        Frames, height, width.

    Returns
    -------
    Corrections
        That change nothing.
    """
    return Corrections((), np.ones(shape[0], bool), np.ones(shape[1:], bool))


def joined(parts: Sequence[Corrections], gap: int = GAP) -> Corrections:
    """Return the corrections of recordings of one field of view that follow each other in time.

    Parameters
    ----------
    parts : sequence of Corrections
        Of every recording.
    gap : int
        Frames between any two, which nothing is wrong with.

    Returns
    -------
    Corrections
        Of all frames, with the pixels that are valid in all recordings.
    """
    if len(parts) == 1:
        return parts[0]
    spans = laid_out((len(it.valid_frames) for it in parts), gap)

    def in_a_row(values: Sequence[NDArray[Any] | None], nothing: NDArray[Any]) -> NDArray[Any] | None:
        if all(it is None for it in values):
            return None
        row = np.repeat(nothing[None], spans[-1].stop, 0)
        for span, some in zip(spans, values, strict=True):
            if some is not None:
                row[span.start : span.stop] = some
        return row

    valid = in_a_row([it.valid_frames for it in parts], np.array(True))
    assert valid is not None
    return Corrections(
        tuple(kind for kind in KINDS if any(kind in it.kinds for it in parts)),
        valid,
        np.logical_and.reduce([it.valid_pixels for it in parts]),
        tuple(
            (first + span.start, stop + span.start, why)
            for span, it in zip(spans, parts, strict=True)
            for first, stop, why in it.bad_frames
        ),
        in_a_row([it.shifts for it in parts], np.zeros(2, np.float32)),
        in_a_row([it.brightness for it in parts], np.array(1, np.float32)),
        parts[0].dark_level,
        parts[0].line_shift,
        parts[0].reference,
        tuple(dict.fromkeys(text for it in parts for text in it.left)),
        next((it.clipping for it in parts if it.clipping is not None), None),
    )
