"""The answers of the section *What if*, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_calcdyn.gui.docks.message import duration

from .dynamics import Dynamics
from .runs import LEAST_REACHED, Spread

if TYPE_CHECKING:
    from napari_calcdyn.analysis.what_if.forecasting import ForecastError

_HALF = 0.5
_ABOUT_MEAN = 0.95  # an error from here on is no better than the mean, for who looks at the picture


def about_dynamics(dynamics: Dynamics) -> str:
    """Say between what the connections are that are followed."""
    if dynamics.cells is None:
        return (
            "Follows the connections between the sources that the model was trained with. Find what drives which cell "
            "first (<i>Dynamics → Between cells</i>) to follow those between cells."
        )
    count = len(dynamics.cells.influence.ids)
    return f"Follows the connections between {count:,} cells (<i>Dynamics → Between cells</i>)."


def push_words(spread: Spread, frame_rate: float | None) -> str:
    """Say how long a push lasts and which ROI it reaches most."""
    left = np.sqrt(spread.power / spread.power[0])
    below = np.flatnonzero(left <= _HALF)
    if below.size:
        lasts = f"half of it is gone {_later(int(below[0]), frame_rate)}"
    else:
        lasts = f"{left[-1]:.0%} of it is left {_later(len(left) - 1, frame_rate)}"
    words = f"The push of {spread.push.what}: {lasts}."
    if spread.reached is not None:
        roi, after, by = spread.reached
        return (
            f"{words} It spreads to ROI {roi} most, which moves by {by:+.2g} sd {_later(after, frame_rate)}."
        )
    return f"{words} It moves no other ROI by {LEAST_REACHED:g} sd." if spread.has_rois else words


def forecast_words(start: int, horizon: int) -> str:
    """Say which frames a forecast is of."""
    frames = f"Frame {start:,} is" if horizon == 1 else f"Frames {start:,} to {start + horizon - 1:,} are"
    return (
        f"{frames} forecast from frame {start - 1:,} and before: hide the layer to see the recorded frames."
    )


def error_words(errors: ForecastError, *, same_recording: bool) -> str:
    """Say how far ahead such forecasts were of use on held-out frames."""
    held_out = f"On the last {errors.starts[0]:,} frames"
    if same_recording:
        held_out += ", which the training held out"
    longest = len(errors.picture)
    said = f"{held_out}, forecasts were off by {errors.picture[0]:.0%} of the variance 1 frame ahead"
    if longest > 1:
        said += f" and by {errors.picture[-1]:.0%} {longest} frames ahead"
    worse = np.flatnonzero(errors.picture >= _ABOUT_MEAN)
    if not worse.size:
        return f"{said}."
    if worse[0] == 0:
        return f"{said}: they were no better than the mean picture."
    return f"{said}: from {worse[0] + 1} frames ahead on they were no better than the mean picture."


def _later(frames: int, frame_rate: float | None) -> str:
    words = "1 frame later" if frames == 1 else f"{frames} frames later"
    if not frame_rate:
        return words
    seconds = frames / frame_rate
    return f"{words} ({f'{seconds:.2g} s' if seconds < 10 else duration(seconds)})"
