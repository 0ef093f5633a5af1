"""Rigid motion of every frame, by phase correlation with a sharpened reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_calcdyn.recording.movies.warping import shifted

_SMOOTH = 1.5  # px: finer detail is noise more often than not
_FARTHEST = 0.1  # of the frame's shorter side
_LEAST_FARTHEST = 4
_EDGE = 8  # a part of the frame's side over which its edges fade out
_BINNED_FROM = 256  # px: larger frames are halved, which costs no precision that is needed
_ROUNDS = 3
_BATCH_BYTES = 16 * 2**20

Frames = NDArray[Any]


class Registrar:
    """Finds by how much frames are displaced from a reference.

    A frame is correlated with the reference after the reference's spectrum is flattened, so that fine structure counts
    as much as broad light (phase correlation; Kuglin & Hines 1975, IEEE Conf. Cybernetics and Society, 163), and
    smoothed. The frame's own spectrum is left as it is: flattening it as well raises its shot noise, and doubled the
    error on simulated movies. A parabola through the peak gives fractions of a pixel.

    Parameters
    ----------
    reference : ndarray (Y, X), float32
        Picture to compare with.
    weight : ndarray (Y, X), float32
        0 at pixels that cannot be used, else 1.
    """

    def __init__(self, reference: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
        height, width = reference.shape
        self._bin = 2 if min(height, width) >= _BINNED_FROM else 1
        self._farthest = max(_LEAST_FARTHEST, int(_FARTHEST * min(height, width))) // self._bin
        window = binned(weight, self._bin)
        self._window = window * np.outer(*(_fading(size) for size in window.shape)).astype(np.float32)
        self._area = max(float(self._window.sum()), 1e-12)
        spectrum = scipy.fft.rfft2(self._windowed(binned(reference, self._bin)[None])[0])
        fy, fx = scipy.fft.fftfreq(window.shape[0])[:, None], scipy.fft.rfftfreq(window.shape[1])
        smooth = np.exp(-2 * (np.pi * max(_SMOOTH / self._bin, 1.0)) ** 2 * (fy**2 + fx**2))
        size = np.abs(spectrum)
        flat = np.conj(spectrum) / np.maximum(size, 1e-6 * max(float(size.max()), 1e-12))
        self._kernel = (flat * smooth).astype(np.complex64)

    def find(self, frames: Frames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the displacement of frames.

        Parameters
        ----------
        frames : ndarray (n, Y, X)
            In movie units.

        Returns
        -------
        shifts : ndarray (n, 2), float32
            (y, x) in pixels: what is at (y, x) in the reference is at (y, x) + shift in the frame.
        likeness : ndarray (n,), float32
            Height of the peak over what the frame's contrast allows.
        """
        shifts, likeness = np.empty((len(frames), 2), np.float32), np.empty(len(frames), np.float32)
        step = max(1, _BATCH_BYTES // (4 * self._window.size))
        for start in range(0, len(frames), step):
            part = slice(start, start + step)
            shifts[part], likeness[part] = self._find(binned(frames[part], self._bin))
        return shifts * self._bin, likeness

    def _find(self, frames: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        seen = self._windowed(frames)
        shape = self._window.shape
        found = scipy.fft.irfft2(scipy.fft.rfft2(seen, workers=-1) * self._kernel, s=shape, workers=-1)
        far = self._farthest
        rows, columns = (np.arange(-far - 1, far + 2) % size for size in shape)
        near = found[:, rows[:, None], columns]
        inner = near[:, 1:-1, 1:-1].reshape(len(near), -1)
        at = inner.argmax(1)
        y, x = np.unravel_index(at, near[:, 1:-1, 1:-1].shape[1:])
        every = np.arange(len(near))
        peak = near[every, y + 1, x + 1]
        shifts = np.empty((len(near), 2), np.float32)
        for axis, (before, after, whole) in enumerate(
            (
                (near[every, y, x + 1], near[every, y + 2, x + 1], y),
                (near[every, y + 1, x], near[every, y + 1, x + 2], x),
            )
        ):
            bend = before - 2 * peak + after
            part = np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=bend < 0)
            shifts[:, axis] = whole - far + np.clip(part, -0.5, 0.5)
        contrast = np.sqrt(np.square(seen).sum((1, 2)))
        likeness = np.divide(peak, contrast, out=np.zeros_like(peak), where=contrast > 0)
        return shifts, likeness

    def _windowed(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take off the mean of each frame (n, Y, X), and fade out its edges."""
        level = np.einsum("tyx,yx->t", frames, self._window) / np.float32(self._area)
        seen: NDArray[np.float32] = (frames - level[:, None, None]) * self._window
        return seen


def sharpened(frames: Frames, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average frames after they are brought together, and again with the sharper average.

    Parameters
    ----------
    frames : ndarray (n, Y, X)
        From all over the recording.
    weight : ndarray (Y, X), float32
        As for `Registrar`.

    Returns
    -------
    ndarray (Y, X), float32
        Reference.
    """
    reference = frames.mean(0, dtype=np.float64).astype(np.float32)
    for _ in range(_ROUNDS):
        shifts, _ = Registrar(reference, weight).find(frames)
        shifts -= np.median(shifts, axis=0)
        total = np.zeros(reference.shape)
        for frame, shift in zip(frames, shifts, strict=True):
            total += shifted(frame.astype(np.float32), shift)
        reference = (total / len(frames)).astype(np.float32)
    return np.asarray(reference)


def halves_compared(
    frames: Frames, reference: NDArray[np.float32], weight: NDArray[np.float32]
) -> tuple[NDArray[np.float64], float]:
    """Compare the shifts of two halves of the picture, which move alike if it moves at all.

    Parameters
    ----------
    frames : ndarray (n, Y, X)
        From all over the recording.
    reference : ndarray (Y, X), float32
        From `sharpened`.
    weight : ndarray (Y, X), float32
        As for `Registrar`.

    Returns
    -------
    noise : ndarray (2,), float64
        Error in y and x, px, of shifts measured on the whole picture (standard deviation).
    agreement : float
        Mean product of their shifts over the mean square: 1 if the halves move alike, about 0 if what was measured is
        no motion, as in pictures with hardly any structure.
    """
    middle = reference.shape[1] // 2
    left, right = weight.copy(), weight.copy()
    left[:, middle:], right[:, :middle] = 0, 0
    one, other = (Registrar(reference, half).find(frames)[0].astype(np.float64) for half in (left, right))
    difference = one - other
    spread: NDArray[np.float64] = 1.4826 * np.median(np.abs(difference - np.median(difference, 0)), 0)
    power = (np.square(one).sum() + np.square(other).sum()) / 2
    agreement = float((one * other).sum() / power) if power > 0 else 1.0
    return spread / 2, agreement  # the mean of two halves has half the standard deviation of their difference


def binned(frames: Frames, by: int) -> NDArray[np.float32]:
    """Average squares of pixels of (…, Y, X), as float32; an odd row or column at the end is left out."""
    if by == 1:
        return np.asarray(frames, np.float32)
    height, width = (size // by * by for size in frames.shape[-2:])
    cut = frames[..., :height, :width]
    rows = np.add.reduce([cut[..., k::by, :].astype(np.float32) for k in range(by)])
    total = np.add.reduce([rows[..., k::by] for k in range(by)])
    return np.asarray(total / np.float32(by * by))


def _fading(size: int) -> NDArray[np.float64]:
    """Return a window that rises from 0 and falls to 0 over an eighth of its length, (size,)."""
    edge = max(2, size // _EDGE)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    window = np.ones(size)
    window[:edge], window[-edge:] = rise, rise[::-1]
    return window
