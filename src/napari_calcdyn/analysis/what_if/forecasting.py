"""Forecasts from any frame of a recording, and their errors on held-out frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.split import Split
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, report
from napari_calcdyn.recording.errors import count_text

from .impulse import roll_out
from .latent_movies import latent_movie

_STARTS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class ForecastError:
    """Errors of forecasts for every horizon h = 1 … H, in frames after the last known one.

    Parameters
    ----------
    latents : ndarray (H,), float64
        ``Σ‖z − ẑ‖² / Σ‖z − mean z‖²`` over all frames that were forecast at this horizon; the mean is over the same
        frames. 0 is perfect, 1 is no better than the mean.
    picture : ndarray (H,), float64
        The same with the decoder before each norm: of the picture that the model shows.
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
    """Forecast latents from the frames before.

    Parameters
    ----------
    var : VAR
        The fitted dynamics.
    latents : ndarray (T, d)
        Of the recording.
    start : int
        The first frame to forecast, from p to T; only frames before it are used.
    horizon : int
        How many frames to forecast.

    Returns
    -------
    ndarray (horizon, d), float64
        Latents of frames `start`, `start` + 1, …

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


def forecast_movie(model: VARAutoencoder, forecasted: NDArray[np.floating]) -> Any:
    """Return a forecast as a movie.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    forecasted : ndarray (n, d)
        Made by `forecast`.

    Returns
    -------
    ndarray or dask array (n, Y, X), float32
        In movie units; a dask array of one frame a chunk where it is large.
    """
    return latent_movie(model, forecasted, deviation=False)


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
        Number of the frame.

    Raises
    ------
    InputError
        If the recording is too short to be split.
    """
    return Split.of(movie, model.config).known


def forecast_error(
    model: VARAutoencoder,
    recording: Movie | NDArray[np.float32],
    var: VAR | None,
    first: int,
    horizons: int,
    progress: ProgressCallback | None = None,
) -> ForecastError:
    """Measure forecasts that start at every frame from the first held-out one on.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    recording : Movie or ndarray (T, d), float32
        The recording, or its latents as `VARAutoencoder.encode` returns them.
    var : VAR, optional
        Another point of the model's lasso path; its own by default.
    first : int
        The first held-out frame; the first forecast starts there, from the frames before it.
    horizons : int
        The longest horizon H, in frames.
    progress : callable or None
        Called with parts of the work done and in all; returns True to stop.

    Returns
    -------
    ForecastError
        At horizon h, of the T − `first` − h + 1 forecasts whose frame lies in the recording. At h = 1, `latents` is
        the prediction error of the model's metrics.

    Raises
    ------
    InputError
        If there are too few held-out frames for the horizon, or frames before them for the order.
    Cancelled
        If `progress` asked to stop.
    """
    var = var or model.var
    latents = model.encode(recording, progress) if isinstance(recording, Movie) else recording
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
    overlap = _overlap(model)
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


@torch.no_grad()
def _overlap(model: VARAutoencoder) -> csr_array:
    """Return DᵀD, (d, d): footprints overlap where they meet in a tile."""
    network = model.network
    inside = network.cut(torch.ones(1, *network.frame_shape, device=model.device))[:, 0]
    corners = network.corners_in(inside).double()
    products = (corners @ corners.mT).cpu().numpy()
    latents = network.tile_latents.cpu().numpy()
    pairs = np.broadcast_arrays(latents[:, :, None], latents[:, None])
    known = (pairs[0] >= 0) & (pairs[1] >= 0)
    one, other = (it[known] for it in pairs)
    return csr_array((products[known], (one, other)), shape=(network.latents, network.latents))


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
