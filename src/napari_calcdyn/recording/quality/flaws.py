"""Frames and pixels that cannot be used, and why."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import theilslopes

from napari_calcdyn.recording.movies.clipping import MOST

from .scan import Scan

_WINDOW = 51  # frames that tell what is usual
_OUTLIER = 10.0  # median absolute deviations
_FAR = 3.0  # px beyond the usual motion
_DIFFERENT = 0.5  # of the usual likeness or brightness
_START_FRAMES = 50
_START_PEAK = 5
_START_LEAST = 0.08  # of the brightness
_SETTLED = 0.25  # of the largest deviation
_SLOW = 201  # frames
_MOST_ZERO = 0.05
_SELDOM_ZERO = 1e-3
_MARGIN = 16  # px

BadFrames = list[tuple[int, int, str]]


def frame_reasons(scan: Scan) -> dict[str, NDArray[np.bool_]]:
    """Tell which frames cannot be used for which reason.

    Parameters
    ----------
    scan : Scan
        Of the recording.

    Returns
    -------
    dict of str to ndarray (T,), bool
        Every reason; a frame may have several.
    """
    reasons = dict(scan.flaws)
    good = ~np.any(list(reasons.values()), axis=0)
    if not good.any():
        return reasons
    reasons["brightness"] = _outliers(scan.brightness[:, None], good, _DIFFERENT)
    reasons["far"] = _outliers(scan.shifts, good, _FAR)
    usual = float(np.median(scan.likeness[good]))
    spread = float(np.median(np.abs(scan.likeness[good] - usual)))
    reasons["unlike"] = scan.likeness < usual - max(_OUTLIER * spread, (1 - _DIFFERENT) * usual)
    reasons["start"] = np.arange(len(good)) < settling(scan.brightness, good)
    for name in ("brightness", "far", "unlike", "start"):
        reasons[name] &= good
    return reasons


def settling(brightness: NDArray[np.float32], good: NDArray[np.bool_]) -> int:
    """Return how many frames at the start are brighter or dimmer than any later ones.

    Shutter, lamp and fast bleaching settle within the first frames of a recording, and its onset may excite the tissue.

    Parameters
    ----------
    brightness : ndarray (T,), float32
        Of every frame.
    good : ndarray (T,), bool
        Frames to look at.

    Returns
    -------
    int
        At most 50; 0 if the recording starts as it goes on.
    """
    last = min(_START_FRAMES, len(brightness) // 10)
    if last <= _START_PEAK or good[_START_PEAK:last].sum() < _START_PEAK:
        return 0
    filled = np.where(good, brightness, np.median(brightness[good]))
    # What goes on steadily, such as bleaching, is no start: a line through the frames after it is taken off.
    after = np.arange(_START_PEAK, last)
    slope, offset, *_ = theilslopes(filled[after], after)
    apart = np.abs(filled[:last] - offset - slope * np.arange(last))
    later = np.abs(filled - median_filter(filled, min(_SLOW, len(filled) // 4), mode="nearest"))[last:]
    peak = int(apart[:_START_PEAK].argmax())
    if apart[peak] < max(_START_LEAST * offset, float(later.max(initial=0))):
        return 0
    settled = np.flatnonzero(apart[peak:] < _SETTLED * apart[peak])
    return peak + int(settled[0]) if len(settled) else last


def listed(reasons: dict[str, NDArray[np.bool_]]) -> BadFrames:
    """List bad frames as (start, stop, reason), in time order, each frame with its first reason."""
    names = list(reasons)
    table = np.array([reasons[name] for name in names])
    first = np.where(table.any(0), table.argmax(0), -1)
    runs: BadFrames = []
    at = 0
    for which, group in groupby(first.tolist()):
        length = sum(1 for _ in group)
        if which >= 0:
            runs.append((at, at + length, names[which]))
        at += length
    return runs


def pixel_reasons(scan: Scan) -> dict[str, NDArray[np.bool_]]:
    """Tell which pixels cannot be used for which reason.

    Parameters
    ----------
    scan : Scan
        Of the recording.

    Returns
    -------
    dict of str to ndarray (Y, X), bool
        ``not a number`` and ``constant``; ``border``: empty in some frames, as registration leaves the edges;
        ``saturated``: at the ceiling of the camera in more than 80 % of the frames.
    """
    zero = scan.sometimes_zero
    border = np.zeros_like(scan.constant)
    inner = zero[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] if min(zero.shape) > 3 * _MARGIN else zero
    if np.median(inner) == 0 and (inner > _SELDOM_ZERO).mean() < _MOST_ZERO:  # no movie of few photons
        border = _from_the_edge(zero > _SELDOM_ZERO)
    return {
        "not a number": scan.not_a_number,
        "constant": scan.constant,
        "border": border & ~scan.constant,
        "saturated": (scan.clipped > MOST) & ~scan.constant,
    }


def _from_the_edge(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep those pixels (Y, X) that are connected with the edge of the frame."""
    from scipy.ndimage import binary_propagation

    edge = np.zeros_like(pixels)
    edge[[0, -1]], edge[:, [0, -1]] = True, True
    kept: NDArray[np.bool_] = binary_propagation(edge & pixels, mask=pixels)
    return kept


def _outliers(values: NDArray[np.float32], good: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Tell which rows of values (T, k) are far from the frames around them."""
    window = min(_WINDOW, len(values) // 2 * 2 - 1)
    filled = np.where(good[:, None], values, np.median(values[good], axis=0))
    deviation = np.abs(values - median_filter(filled, (window, 1), mode="nearest"))
    spread = 1.4826 * np.median(deviation[good], axis=0)
    far: NDArray[np.bool_] = (deviation > np.maximum(_OUTLIER * spread, least)).any(1)
    return far
