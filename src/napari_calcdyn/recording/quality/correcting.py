"""Corrections from measurements: what is put right by default, on demand, and as in another recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import KINDS, Corrections, Movie, check_together
from napari_calcdyn.recording.progress import ProgressCallback, part_of

from .findings import EVEN_FLICKER, FLICKER
from .quality import Quality, check_quality

Correct = str | Sequence[str]
"""``auto``, ``none``, or names of `KINDS`."""


def parse_kinds(correct: Correct) -> tuple[str, ...] | None:
    """Read which corrections are wanted.

    Parameters
    ----------
    correct : str or sequence of str
        ``auto``, ``none``, or names of `KINDS`, in a text with commas or in a sequence.

    Returns
    -------
    tuple of str or None
        Names of `KINDS`; None for ``auto``.

    Raises
    ------
    InputError
        If there is no such correction.
    """
    names = [it.strip() for it in correct.split(",")] if isinstance(correct, str) else list(correct)
    if names == ["auto"]:
        return None
    if names in ([], ["none"]):
        return ()
    for name in names:
        if name not in KINDS:
            raise InputError(
                f"There is no correction {name!r}: choose auto, none, or some of {', '.join(KINDS)}."
            )
    return tuple(kind for kind in KINDS if kind in names)


def corrections_for(
    quality: Quality, correct: Correct = "auto", *, like: Corrections | None = None
) -> Corrections:
    """Choose corrections for a recording that was measured.

    Parameters
    ----------
    quality : Quality
        From `check_quality`.
    correct : str or sequence of str
        ``auto`` corrects what is above the thresholds in `findings`; ``none`` nothing; else names of `KINDS`.
    like : Corrections, optional
        Of the recording that a model was trained on: the same is corrected, and pixels that were left out there are
        left out here, too.

    Returns
    -------
    Corrections
        To be given to `Movie.corrected`.

    Raises
    ------
    InputError
        If there is no such correction, or nothing is left of the recording.
    """
    wanted = parse_kinds(correct) if like is None else like.kinds
    kinds = {it.kind for it in quality.findings if it.kind} if wanted is None else set(wanted)
    light, pixels = quality.brightness, quality.valid_pixels
    shifts = quality.shifts if "motion" in kinds and quality.motion_measured else None
    frames = quality.valid_frames if "frames" in kinds else np.ones(quality.frames, bool)
    pixels = pixels if "pixels" in kinds else np.ones_like(pixels)
    if like is not None:
        pixels = pixels & like.valid_pixels
    if shifts is not None:
        pixels = pixels & _always_seen(quality)
    brightness = None
    if "brightness" in kinds:
        lamp = light.flicker >= FLICKER and light.flicker_unevenness <= EVEN_FLICKER
        brightness = light.values if lamp else light.slow
    return Corrections(
        tuple(kind for kind in KINDS if kind in kinds),
        frames,
        pixels,
        tuple(quality.bad_frames) if "frames" in kinds else (),
        shifts,
        brightness,
        quality.dark_level,
        quality.line_shift_px if "lines" in kinds else 0.0,
        quality.reference if shifts is not None else None,
        tuple(it.text for it in quality.findings if it.kind not in kinds and not it.note),
        quality.clipping if "pixels" in kinds else None,
    )


def correct_movie(
    movie: Movie,
    correct: Correct = "auto",
    *,
    like: Corrections | None = None,
    progress: ProgressCallback | None = None,
) -> Movie:
    """Check a recording and correct what is wrong with it.

    Parameters
    ----------
    movie : Movie
        The recording; one that was checked before is returned as it is.
    correct : str or sequence of str
        ``auto`` corrects what is above the thresholds in `findings`; ``none`` nothing; else names of `KINDS`.
    like : Corrections, optional
        Of the recording that a model was trained on; see `corrections_for`.
    progress : callable or None
        Called with frames checked and in all; returns True to stop.

    Returns
    -------
    Movie
        Corrected when it is read. Its `corrections` say what was done, and what was found and left.

    Raises
    ------
    InputError
        If there is no such correction, or nothing of the recording can be used.
    Cancelled
        If `progress` asked to stop.
    """
    parse_kinds(correct)
    if movie.corrections is not None:
        return movie
    reference = None if like is None else like.reference
    quality = check_quality(movie, reference=reference, progress=progress)
    return movie.corrected(corrections_for(quality, correct, like=like))


def correct_movies(
    movies: Sequence[Movie], correct: Correct = "auto", progress: ProgressCallback | None = None
) -> list[Movie]:
    """Check recordings of one field of view and correct what is wrong with any of them in all.

    Parameters
    ----------
    movies : sequence of Movie
        The recordings; those that were checked before are returned as they are.
    correct : str or sequence of str
        As for `correct_movie`.
    progress : callable or None
        Called with frames checked and in all; returns True to stop.

    Returns
    -------
    list of Movie
        Registered to one picture where any of them moves or is displaced against the first.

    Raises
    ------
    InputError
        If there is no such correction, they are not of one field of view and one frame rate, or nothing of a
        recording can be used.
    Cancelled
        If `progress` asked to stop.
    """
    wanted = parse_kinds(correct)
    check_together(movies)
    if any(movie.corrections is not None for movie in movies):
        return list(movies)
    ends = np.cumsum([0, *(movie.n_frames for movie in movies)]).tolist()
    measured: list[Quality] = []
    reference = None
    for movie, (start, stop) in zip(movies, pairwise(ends), strict=True):
        part = part_of(progress, start, stop, ends[-1])
        measured.append(check_quality(movie, reference=reference, progress=part))
        reference = measured[0].reference
    if wanted is None:
        found = {it.kind for quality in measured for it in quality.findings}
        wanted = tuple(kind for kind in KINDS if kind in found)
    return [
        movie.corrected(corrections_for(quality, wanted))
        for movie, quality in zip(movies, measured, strict=True)
    ]


def _always_seen(quality: Quality) -> NDArray[np.bool_]:
    """Return the pixels that stay inside the frame in all usable frames, (Y, X)."""
    seen = np.zeros_like(quality.valid_pixels)
    height, width = seen.shape
    shifts = quality.shifts[quality.valid_frames]
    low, high = shifts.min(0), shifts.max(0)
    rows, columns = (
        slice(max(0, math.ceil(-a - 0.5)), size - max(0, math.ceil(b - 0.5)))
        for a, b, size in zip(low.tolist(), high.tolist(), (height, width), strict=True)
    )
    seen[rows, columns] = True
    return seen
