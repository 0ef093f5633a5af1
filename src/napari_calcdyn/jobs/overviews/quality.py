"""Overview figure of the check of a recording: picture, first look, motion and brightness."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.recording.quality import Quality

from .map_panel import draw_map
from .panels import legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MASKED = (0.16, 0.5, 0.73, 0.75)
_BAD = "#d1495b"
_CHARACTERS = 72


def save_overview(
    path: Path, movie: Movie, quality: Quality, corrections: Corrections, look: NDArray[np.float32]
) -> None:
    """Draw what the check of a recording found.

    Parameters
    ----------
    path : Path
        PNG file to write.
    movie : Movie
        The recording as it is stored.
    quality : Quality
        What was found.
    corrections : Corrections
        What is corrected by default.
    look : ndarray (Y, X)
        First look at the corrected recording.
    """
    figure = new_figure(13.5, 8.0)
    frames, height, width = movie.shape
    figure.suptitle(f"{movie.name}: {frames} frames of {height} × {width} pixels", fontsize=11)
    grid = figure.add_gridspec(3, 3, height_ratios=(2.2, 1, 1))
    picture, look_at, words = (figure.add_subplot(grid[0, column]) for column in range(3))
    shown = quality.reference
    low, high = np.nanpercentile(shown, (1, 99.7))
    title = f"Mean frame, {corrections.masked_pixels} masked pixels in blue"
    draw_map(figure, picture, shown, movie, title, "counts", limits=(low, high), colormap="gray")
    mask = np.zeros((height, width, 4))
    mask[~corrections.valid_pixels] = _MASKED
    picture.imshow(mask, interpolation="nearest")
    limits = (0.0, float(np.nanpercentile(look, 99.7)))
    draw_map(figure, look_at, look, movie, "First look, after the corrections", "counts²", limits=limits)
    _sentences(words, quality, corrections)
    motion, light = figure.add_subplot(grid[1, :]), figure.add_subplot(grid[2, :])
    _motion(motion, quality)
    _brightness(light, quality, movie.frame_rate)
    figure.savefig(path)


def _sentences(axes: Axes, quality: Quality, corrections: Corrections) -> None:
    axes.set_axis_off()
    axes.set_title("Findings", fontsize=10, loc="left")
    found = [it.text for it in quality.findings] or ["Nothing is wrong with this recording."]
    diameter = quality.cell_diameter_px
    size = "cells do not stand out" if diameter is None else f"cells about {diameter:.0f} px wide"
    facts = f"Signal-to-noise ratio {quality.snr:.2g} in the most active pixels, {size}."
    lines = [textwrap.fill(text, _CHARACTERS) for text in (*found, facts, str(corrections))]
    axes.text(0, 0.98, "\n\n".join(lines), fontsize=8, va="top", transform=axes.transAxes)


def _motion(axes: Axes, quality: Quality) -> None:
    for column, name, colour in ((0, "down", "#2a7f9e"), (1, "to the right", "#e08e45")):
        axes.plot(quality.shifts[:, column], color=colour, linewidth=0.8, label=name)
    axes.set_ylabel("motion (px)")
    most = max(1.0, 1.1 * float(np.abs(quality.shifts[quality.valid_frames]).max(initial=0)))
    axes.set_ylim(-most, most)
    _bad_frames(axes, quality)
    axes.legend(loc="upper right", fontsize=7.5, ncols=3, frameon=False)


def _brightness(axes: Axes, quality: Quality, frame_rate: float | None) -> None:
    light = quality.brightness
    axes.plot(light.values, color="0.6", linewidth=0.8, label="each frame")
    axes.plot(light.slow, color="black", linewidth=1.2, label="slow part")
    axes.set_ylabel("brightness")
    axes.set_xlabel("frame" if frame_rate is None else f"frame, {frame_rate:g} per second")
    _bad_frames(axes, quality)
    legend_below(axes, 3, 0.35)


def _bad_frames(axes: Axes, quality: Quality) -> None:
    """Mark frames that cannot be used."""
    axes.set_xlim(0, quality.frames - 1)
    axes.margins(y=0.1)
    least = quality.frames / 1000  # a single frame of a long recording is still seen
    for number, (start, stop, _) in enumerate(quality.bad_frames):
        label = "bad frames" if number == 0 else None
        axes.axvspan(start - 0.5, max(stop - 0.5, start - 0.5 + least), color=_BAD, alpha=0.4, label=label)
