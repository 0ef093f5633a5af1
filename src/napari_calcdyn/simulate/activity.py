"""Activity of simulated cells over time: a sparse, stable VAR, and slow fluctuations of the neuropil."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import lfilter

_SOURCES_PER_CELL = 1.5  # mean number of connections into a cell
_REFERENCE_RATE = 10.0  # Hz; the decays below are for one frame at this rate


@dataclass(frozen=True)
class Activity:
    """Non-negative activity of the dynamic cells, every one with standard deviation 1.

    Attributes
    ----------
    values : ndarray, shape (N, T)
        Activity around `mean`.
    mean : ndarray, shape (N,)
        Stationary mean; 0 is a cell at rest.
    coefficients : ndarray, shape (p, N, N)
        VAR coefficients as [lag, target, source] in the units of `values`.
    """

    values: NDArray[np.float64]
    mean: NDArray[np.float64]
    coefficients: NDArray[np.float64]


def sparse_coefficients(
    cells: int, order: int, frame_rate: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a sparse, stable VAR: calcium decay in every cell and a few signed connections between cells.

    Parameters
    ----------
    cells : int
        Number of dynamic cells.
    order : int
        Number of lags p. From 2 on, the indicator also has a rise time.
    frame_rate : float
        Frames per second; decays are set in time, not in frames.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (order, cells, cells)
        [lag, target, source].
    """
    decay = rng.uniform(0.70, 0.93, cells) ** (_REFERENCE_RATE / frame_rate)
    own = np.zeros((order, cells, cells))
    diagonal = np.arange(cells)
    own[0, diagonal, diagonal] = decay
    if order > 1:
        rise = rng.uniform(0.15, 0.35, cells) ** (_REFERENCE_RATE / frame_rate)
        own[0, diagonal, diagonal] = decay + rise
        own[1, diagonal, diagonal] = -decay * rise
    connections = np.zeros_like(own)
    probability = min(_SOURCES_PER_CELL / max(cells - 1, 1), 1.0)
    linked = (rng.uniform(size=(cells, cells)) < probability) & ~np.eye(cells, dtype=bool)
    for target, source in np.argwhere(linked):
        sign = 1.0 if rng.uniform() < 0.7 else -1.0
        # A steady source moves its target by about half as much, whatever the target's decay.
        strength = rng.uniform(0.5, 1.2) * (1 - decay[target])
        connections[rng.integers(order), target, source] = sign * strength
    limit = (1 + decay.max()) / 2
    while _spectral_radius(own + connections) > limit:
        connections *= 0.9
    return own + connections


def simulate_activity(
    coefficients: NDArray[np.float64], frames: int, frame_rate: float, rng: np.random.Generator
) -> Activity:
    """Simulate a VAR driven by sparse positive events, like spikes, from its stationary state.

    Parameters
    ----------
    coefficients : ndarray, shape (p, N, N)
        A stable VAR as [lag, target, source].
    frames : int
        Number of frames T.
    frame_rate : float
        Frames per second; events come at 0.3 to 1 Hz.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Activity
        Activity and coefficients, scaled so that every cell's stationary standard deviation is 1.
    """
    order, cells, _ = coefficients.shape
    probability = np.minimum(rng.uniform(0.3, 1.0, cells) / frame_rate, 0.5)[:, None]
    shape = 2.0  # of the gamma distribution of event sizes, which has mean 2 and mean square 6
    event_mean = probability[:, 0] * shape
    event_variance = probability[:, 0] * shape * (shape + 1) - event_mean**2
    jitter = 0.1 * np.sqrt(event_variance)[:, None]
    # Long enough that the start contributes less than one part in a million.
    burn_in = int(np.ceil(np.log(1e-6) / np.log(_spectral_radius(coefficients)))) + order
    total = burn_in + frames
    events = (rng.uniform(size=(cells, total)) < probability) * rng.gamma(shape, size=(cells, total))
    innovations = (events + jitter * rng.standard_normal((cells, total))).T.copy()
    mean = np.linalg.solve(np.eye(cells) - coefficients.sum(0), event_mean)
    values = np.zeros((total + order, cells))
    values[:order] = mean
    stacked = np.concatenate(list(coefficients), axis=1)  # (N, p N), the most recent lag first
    for frame in range(total):
        past = values[frame : frame + order][::-1].ravel()
        values[frame + order] = stacked @ past + innovations[frame]
    deviation = np.sqrt(_stationary_variance(coefficients, event_variance + jitter[:, 0] ** 2))
    return Activity(
        values=(values[-frames:] / deviation).T,
        mean=mean / deviation,
        coefficients=coefficients * deviation[None, None, :] / deviation[None, :, None],
    )


def slow_fluctuations(
    number: int, frames: int, frame_rate: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw independent slow fluctuations with a memory of about 4 s and variance 1.

    Parameters
    ----------
    number : int
        Number of fluctuations.
    frames : int
        Number of frames T.
    frame_rate : float
        Frames per second.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (number, frames)
        Every row with mean 0 and variance 1.
    """
    keep = float(np.exp(-1 / (4.0 * frame_rate)))
    start = rng.standard_normal(number)
    steps = np.sqrt(1 - keep**2) * rng.standard_normal((frames, number))
    steps[0] = start
    values: NDArray[np.float64] = lfilter([1.0], [1.0, -keep], steps.T)
    return values


def _companion(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    order, cells, _ = coefficients.shape
    matrix = np.eye(order * cells, k=-cells)
    matrix[:cells] = np.concatenate(list(coefficients), axis=1)
    return matrix


def _spectral_radius(coefficients: NDArray[np.float64]) -> float:
    return float(np.abs(np.linalg.eigvals(_companion(coefficients))).max())


def _stationary_variance(
    coefficients: NDArray[np.float64], innovation_variance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the variance of every cell, from the Lyapunov equation of the companion form."""
    cells = coefficients.shape[1]
    noise = np.zeros((coefficients.shape[0] * cells,) * 2)
    noise[np.arange(cells), np.arange(cells)] = innovation_variance
    covariance = solve_discrete_lyapunov(_companion(coefficients), noise)
    return np.diag(covariance)[:cells].copy()
