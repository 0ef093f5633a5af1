"""Forecasts from any frame of a recording, and their errors on held-out frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.roi_var import RoiVAR, fit_activity_var
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.split import Split, held_out_stretches
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, report
from napari_calcdyn.recording.errors import count_text

from .decoders import decoder_of, drawn
from .impulse import roll_out

_STARTS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class ForecastError:
    """Errors of forecasts for every horizon h = 1 … H, in frames after the last known one.

    Parameters
    ----------
    latents : ndarray (H,), float64
        ``Σ‖z − ẑ‖² / Σ‖z − mean z‖²`` of latents, or of the activities of ROIs, over all frames that were forecast at
        this horizon; the mean is over the same frames. 0 is perfect, 1 is no better than the mean.
    picture : ndarray (H,), float64
        The same with the decoder before each norm: of the picture that they show.
    unchanged : ndarray (H,), float64
        `picture` of a forecast in which nothing changes from the last known frame on.
    starts : ndarray (H,), int64
        Number of forecasts at this horizon.
    first : int
        The first held-out frame.
    """

    latents: NDArray[np.float64]
    picture: NDArray[np.float64]
    unchanged: NDArray[np.float64]
    starts: NDArray[np.int64]
    first: int

    @property
    def horizons(self) -> NDArray[np.int64]:
        """The horizons 1 … H, in frames."""
        return np.arange(1, len(self.latents) + 1)


def forecast(var: VAR, latents: NDArray[np.floating], start: int, horizon: int) -> NDArray[np.float64]:
    """Forecast latents, or the activities of ROIs, from the frames before.

    Parameters
    ----------
    var : VAR
        The fitted dynamics: ``RoiVAR.var`` between ROIs, or that of a model between its latents.
    latents : ndarray (T, d)
        Of the recording: latents, or the activities of ROIs.
    start : int
        The first frame to forecast, from p to T; only frames before it are used.
    horizon : int
        How many frames to forecast.

    Returns
    -------
    ndarray (horizon, d), float64
        Those of frames `start`, `start` + 1, …

    Raises
    ------
    InputError
        If there are fewer than p frames before `start`, no frame is asked for, or the dynamics run away.
    """
    if not var.order <= start <= len(latents):
        raise InputError(
            f"A forecast needs {count_text(var.order, 'frame')} before it and frame {start} of {len(latents)}"
            f" has not got them: start at one from {var.order} to {len(latents)}."
        )
    past = latents[start - var.order : start]
    if not np.isfinite(past).all():
        raise InputError(
            f"A frame just before frame {start} is left out as bad: start the forecast elsewhere."
        )
    return roll_out(var, past, horizon)


def forecast_movie(
    model: VARAutoencoder, forecasted: NDArray[np.floating], *, fitted: RoiVAR | None = None
) -> Any:
    """Return a forecast as a movie.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    forecasted : ndarray (n, d)
        Made by `forecast`.
    fitted : RoiVAR, optional
        The VAR between ROIs that it was made with; then the movie shows the ROIs on the mean frame. By default it was
        made between latents.

    Returns
    -------
    ndarray or dask array (n, Y, X), float32
        In movie units; a dask array of one frame a chunk where it is large.
    """
    return drawn(decoder_of(model, fitted), forecasted, deviation=False)


def first_held_out(model: VARAutoencoder, movie: Movie) -> int:
    """Return the first of the frames at the end of a recording that its model's training held out.

    Parameters
    ----------
    model : VARAutoencoder
        Its settings say which part of a recording is held out.
    movie : Movie
        The recording it was trained on.

    Returns
    -------
    int
        Number of the frame; in the last recording, if several were joined.

    Raises
    ------
    InputError
        If the recording is too short to be split.
    """
    Split.of(movie, model.config)
    return held_out_stretches(movie, model.config.held_out)[-1].start


def forecast_error(
    model: VARAutoencoder,
    recording: Movie | NDArray[np.float32],
    var: VAR | None,
    first: int,
    horizons: int,
    progress: ProgressCallback | None = None,
    *,
    fitted: RoiVAR | None = None,
) -> ForecastError:
    """Measure forecasts that start at every frame from the first held-out one on.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    recording : Movie or ndarray (T, d), float32
        The recording, or its latents as `VARAutoencoder.encode` returns them; with `fitted`, the activities (T, N) of
        its ROIs as `roi_activity` returns them.
    var : VAR, optional
        Another point of the model's lasso path; its own by default. With `fitted`, a VAR between ROIs; by default one
        that is estimated from the frames before the held-out ones, as ``fitted.var`` knows them all.
    first : int
        The first held-out frame; the first forecast starts there, from the frames before it.
    horizons : int
        The longest horizon H, in frames.
    progress : callable or None
        Called with parts of the work done and in all; returns True to stop.
    fitted : RoiVAR, optional
        Forecast the activities of its ROIs, and not latents.

    Returns
    -------
    ForecastError
        At horizon h, of the T − `first` − h + 1 forecasts whose frame lies in the recording. At h = 1, `latents` is
        the prediction error of the model's metrics, for its own latents.

    Raises
    ------
    InputError
        If there are too few held-out frames for the horizon, or frames before them for the order.
    Cancelled
        If `progress` asked to stop.
    """
    if not isinstance(recording, Movie):
        latents = recording
    elif fitted is None:
        latents = model.encode(recording, progress)
    else:
        latents = roi_activity(recording, fitted.rois, progress=progress)
    if var is None:
        var = model.var if fitted is None else fit_activity_var(latents[:first], fitted.lags)
    frames = len(latents)
    most = frames - first - 1  # two forecasts at least
    if first < var.order:
        raise InputError(
            f"{count_text(first, 'frame')} before the held-out ones are too few for a model of order {var.order}:"
            " hold out fewer."
        )
    if not 1 <= horizons <= most:
        raise InputError(
            f"With {count_text(frames - first, 'frame')} held out, errors can be measured at 1 to {most} frames"
            " ahead: choose a horizon in this range, or take a longer recording."
        )
    known = latents[first - var.order :].astype(np.float64) - var.mean
    lags = [table.astype(np.float64) for table in var.tables]
    overlap = decoder_of(model, fitted).overlap()
    errors = np.zeros((3, horizons))  # in latents, in the picture, and there where nothing changes
    counts = np.zeros(horizons, int)
    starts = range(0, frames - first, _STARTS_AT_ONCE)
    for done, start in enumerate(starts):
        count = min(_STARTS_AT_ONCE, frames - first - start)
        past = [known[start + at : start + at + count] for at in range(var.order)]
        last = past[-1]
        for ahead in range(min(horizons, frames - first - start)):
            actual = known[var.order + start + ahead :][:count]  # fewer towards the end of the recording
            past = [it[: len(actual)] for it in past]
            past.append(np.sum([past[-lag] @ table.T for lag, table in enumerate(lags, 1)], 0))
            wrong, changed = actual - past[-1], actual - last[: len(actual)]
            whole = np.isfinite(wrong).all(1)  # not where a bad frame is involved
            wrong, changed = wrong[whole], changed[whole]
            counts[ahead] += len(wrong)
            errors[:, ahead] += _power(wrong), _power(wrong, overlap), _power(changed, overlap)
            past = past[1:]
            report(progress, done * horizons + ahead + 1, len(starts) * horizons)
    held_out = known[var.order :]
    errors /= counts
    in_latents, in_picture = _variances(held_out, horizons), _variances(held_out, horizons, overlap)
    return ForecastError(
        errors[0] / in_latents, errors[1] / in_picture, errors[2] / in_picture, counts, first
    )


def _power(latents: NDArray[np.float64], overlap: csr_array | None = None) -> float:
    """Return ``Σ ‖z‖²`` of latents (n, d), or ``Σ ‖D z‖²`` where ``DᵀD`` is given."""
    return float(((latents if overlap is None else latents @ overlap) * latents).sum())


def _variances(
    latents: NDArray[np.float64], horizons: int, overlap: csr_array | None = None
) -> NDArray[np.float64]:
    """Return the mean ``‖z − mean z‖²`` of latents (n, d) from row h − 1 on, for h = 1 … `horizons`; see `_power`."""
    known = np.isfinite(latents.sum(1))
    latents = np.nan_to_num(latents)
    seen = latents if overlap is None else latents @ overlap

    def to_end(values: NDArray[Any]) -> NDArray[Any]:
        """Sum up from each of the first rows to the last."""
        return values[::-1].cumsum(0)[::-1][:horizons]

    powers, counts, sums = to_end((seen * latents).sum(1)), to_end(known), to_end(latents)
    means = sums / counts[:, None]
    of_means = ((means if overlap is None else means @ overlap) * means).sum(1)
    variances: NDArray[np.float64] = powers / counts - of_means
    return variances
