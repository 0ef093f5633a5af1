"""What the section *What if* does: push and forecast in the background, and show both over the movie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.layers.layers import COUNTS, DIVERGING_OVERLAY, put_image, symmetric_contrast
from napari_calcdyn.gui.layers.movie_time import shown_frame
from napari_calcdyn.gui.session import Session

from .dynamics import Dynamics, dynamics_of

# torch is imported in the worker, and not when a dock opens.
if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.what_if.forecasting import ForecastError
    from napari_calcdyn.recording.progress import ProgressCallback

PUSH = "Inspector: push"
FORECAST = "Inspector: forecast"
PUSHING = "Following the push"
FORECASTING = "Forecasting"
MEASURING = "Measuring forecasts of held-out frames"
LEAST_REACHED = 0.1  # standard deviations


@dataclass(frozen=True, eq=False)
class Push:
    """What is pushed, a source by number or an ROI by id: by `size` standard deviations, for 2 frames or more."""

    size: float
    frames: int
    source: int | None = None
    roi: int | None = None

    @property
    def what(self) -> str:
        """Name it."""
        return f"source {self.source}" if self.roi is None else f"ROI {self.roi}"


@dataclass(frozen=True, eq=False)
class Spread:
    """How a push spreads.

    Attributes
    ----------
    push : Push
        What was pushed.
    movie : ndarray or dask array (n, Y, X), float32
        What it adds to the picture.
    limits : tuple of float
        Contrast limits for what comes after the push itself.
    power : ndarray (n,), float64
        Power of the deviation, ``‖r‖²``.
    reached : tuple of (int, int, float), optional
        The ROI that moves further after the push than with it, and most of all: its id, after how many frames, and
        by how many of its standard deviations. None where no other ROI does, by 0.1 at least.
    has_rois : bool
        Whether there are ROIs that could be reached.
    """

    push: Push
    movie: Any
    limits: tuple[float, float]
    power: NDArray[np.float64]
    reached: tuple[int, int, float] | None
    has_rois: bool


def obstacle(session: Session) -> str:
    """Say what is missing before anything can be asked; empty where nothing is."""
    if session.recording.movie is None or session.movie_layer is None:
        return "Open a recording first, in the Recording panel."
    if session.dynamics.model is None or session.dynamics.var is None:
        return "Train or load a model in the Dynamics panel first."
    if session.recording.movie.frame_shape != session.dynamics.model.frame_shape:
        return "The model belongs to another recording: open that one, or train a model on this one."
    return ""


def push_obstacle(session: Session, roi: int | None, size: float, *, by_source: bool) -> str:
    """Say what is missing for a push, once there are a recording and a model; empty where nothing is."""
    if not by_source and session.rois.loaded is None:
        return "There are no ROIs: find, open or draw some in the Neurons panel, or push a source."
    if not by_source and not rois_fit(session):
        return "The ROIs belong to another recording: open those of this one, or push a source."
    if not by_source and roi is None:
        return "Click the ROI to push in the movie, or push a source."
    return "" if size else "A push of 0 changes nothing: choose another size."


def rois_fit(session: Session) -> bool:
    """Whether there are ROIs, of frames of the model's size where there is a model."""
    rois, model = session.rois.loaded, session.dynamics.model
    return rois is not None and (model is None or rois.frame_shape == model.frame_shape)


def start_push(session: Session, push: Push, done: Callable[[Spread, Image], None]) -> bool:
    """Follow a push at the shown frame in the background; `done` gets what it does and the layer of it.

    Returns
    -------
    bool
        Whether it was started.
    """
    dynamics, frame = dynamics_of(session), shown_frame(session)
    if dynamics is None or frame is None:
        return False

    def compute(progress: ProgressCallback) -> Spread:
        from napari_calcdyn.analysis.what_if.impulse import impulse_movie, impulse_response

        leave_a_core()
        added = dynamics.push(push.source, push.roi, push.size, progress)
        response = impulse_response(dynamics.var, added, push.frames)
        pictures = impulse_movie(dynamics.model, response, fitted=dynamics.fitted)
        moved, rois = dynamics.moved(response, progress), dynamics.rois
        reached = None if moved is None or rois is None else _reached(moved, rois.ids, push.roi)
        limits = symmetric_contrast(np.asarray(pictures[1]))
        return Spread(push, pictures, limits, np.square(response).sum(1), reached, moved is not None)

    def show(spread: Spread) -> None:
        if _changed(session, dynamics):
            return
        style = {"colormap": DIVERGING_OVERLAY, "contrast_limits": spread.limits}
        layer = _put(session, PUSH, spread.movie, frame, low=False, **style)
        if layer is not None:
            done(spread, layer)

    return session.work.start("inspector", PUSHING, compute, show)


def start_forecast(session: Session, horizon: int, done: Callable[[int, Image], None]) -> bool:
    """Forecast the frames after the shown one in the background; `done` gets the first of them and the layer.

    Returns
    -------
    bool
        Whether it was started.
    """
    dynamics, frame = dynamics_of(session), shown_frame(session)
    if dynamics is None or frame is None:
        return False
    order = dynamics.var.order
    if frame + 1 < order:
        session.work.tell(
            "inspector",
            f"The model looks {order} frames back: move the time slider to frame {order - 1} or later.",
            True,
        )
        return False
    start = frame + 1

    def compute(progress: ProgressCallback) -> Any:
        from napari_calcdyn.analysis.what_if.forecasting import forecast, forecast_movie

        leave_a_core()
        ahead = forecast(dynamics.var, dynamics.values(progress), start, horizon)
        return forecast_movie(dynamics.model, ahead, fitted=dynamics.fitted)

    def show(pictures: Any) -> None:
        movie_layer = session.movie_layer
        if _changed(session, dynamics) or movie_layer is None:
            return
        style = {"colormap": "gray", "contrast_limits": tuple(movie_layer.contrast_limits)}
        layer = _put(session, FORECAST, pictures, start, low=True, **style)
        if layer is not None:
            done(start, layer)

    return session.work.start("inspector", FORECASTING, compute, show)


def start_errors(session: Session, horizon: int, done: Callable[[ForecastError], None]) -> bool:
    """Measure forecasts of the held-out frames in the background, as far ahead as there are frames for it.

    Returns
    -------
    bool
        Whether it was started.
    """
    dynamics = dynamics_of(session)
    if dynamics is None:
        return False

    def compute(progress: ProgressCallback) -> ForecastError:
        from napari_calcdyn.analysis.what_if.forecasting import first_held_out, forecast_error

        leave_a_core()
        values, model, fitted = dynamics.values(progress), dynamics.model, dynamics.fitted
        first = first_held_out(model, dynamics.movie)
        longest = max(1, min(horizon, len(values) - first - 1))
        var = dynamics.var if fitted is None else None  # that between cells knows the held-out frames
        return forecast_error(model, values, var, first, longest, progress, fitted=fitted)

    def show(errors: ForecastError) -> None:
        if not _changed(session, dynamics):
            done(errors)

    return session.work.start("inspector", MEASURING, compute, show)


def _changed(session: Session, dynamics: Dynamics) -> bool:
    """Whether recording or dynamics were replaced since a computation began; the user is told."""
    changed = not dynamics.same(dynamics_of(session))
    if changed and session.recording.movie is not None:
        session.work.tell(
            "inspector", "The model's connections changed during the computation: press the button again."
        )
    return changed


def _reached(
    moved: NDArray[np.float64], ids: NDArray[np.int64], pushed: int | None
) -> tuple[int, int, float] | None:
    """Return the ROI that a push spreads to; see `Spread.reached`."""
    # What is pushed moves its neighbours at once, where they share its latents: that is no spreading.
    after = np.where(np.abs(moved[1:]) > np.abs(moved[0]), moved[1:], 0.0)
    after[:, ids == pushed] = 0
    frame, place = np.unravel_index(np.abs(after).argmax(), after.shape)
    by = float(after[frame, place])
    return (int(ids[place]), int(frame) + 1, by) if abs(by) >= LEAST_REACHED else None


def _put(session: Session, name: str, pictures: Any, frame: int, *, low: bool, **style: Any) -> Image | None:
    """Put a small movie over the recording so that its first picture lies at a frame of it.

    Where it is `low`, a new layer goes right above the recording, so that it hides nothing else.
    """
    viewer, like = session.viewer, session.movie_layer
    if viewer is None or like is None:
        return None
    before = set(viewer.layers)
    layer = put_image(viewer, name, pictures, like, unit=COUNTS, **style)
    if low and layer not in before:
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(like) + 1)
    translate = np.array(layer.translate)
    translate[-3] += frame * layer.scale[-3]
    layer.translate = translate
    layer.visible = True
    return layer
