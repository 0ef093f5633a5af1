"""Traces without their noise, and how well they are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.progress import ProgressCallback, report

from .jump_smoother import smooth_jumps
from .traces import Traces

BAND = 1.5
"""Half width of the 90 % band in standard deviations. It is less than the 1.64 of a normal distribution because errors
are small at most samples and large at few; chosen on simulated cultures of seeds 100 and more."""

_DECAYS = (2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 16.0, 23.0, 32.0, 45.0, 64.0, 91.0, 128.0, 181.0, 256.0)  # samples
_LONGEST_DECAY = 2.0  # seconds, of calcium indicators; what lasts longer belongs to the slow part
_LONGEST_WITHOUT_RATE = 32.0  # samples
_FAST = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # samples, without jumps
_SLOWER, _SLOWER_NORMAL = 3.0, 10.0  # times that the slow part decays slower, with jumps and without
_TRIED = 100  # traces on which the decays are chosen
_HIDDEN = 0.1  # share of the samples that is hidden for that choice
_LARGE = 8.0  # errors that count less, in units of the noise: a jump at a hidden sample can only be guessed
_SHARES = np.linspace(0, 1, 21)
_ROUNDS, _PASSES = 12, 2  # of the parameters, and of the smoother in each
_OWN, _ALIKE, _EVEN = (
    0.5,
    10.0,
    1.0,
)  # weights of a neuron, of those alike, and of the mean, for the jumps expected
_LEAST_NOISE = 1e-4  # of a trace's variance
_LEAST_STEP = 1e-7


@dataclass(frozen=True, eq=False)
class Denoised:
    """Traces without their noise; made by `denoise`.

    Parameters
    ----------
    values : ndarray (N, T), float32
        Mean of the trace given all its samples, in the traces' unit; missing samples are filled in. NaN for traces
        that cannot be used.
    sd : ndarray (N, T), float32
        Its standard deviation. `values` ± `BAND` · `sd` holds 90 % of the samples without noise.
    noise : ndarray (N,), float32
        Standard deviation of the noise of each trace.
    decay : float
        Samples in which a jump falls to 1/e.
    share : float
        Weight of the model with jumps, from 0 to 1; the rest is that of the one without.
    """

    values: NDArray[np.float32]
    sd: NDArray[np.float32]
    noise: NDArray[np.float32]
    decay: float
    share: float


def denoise(
    traces: Traces,
    alike: ArrayLike | None = None,
    *,
    progress: ProgressCallback | None = None,
) -> Denoised:
    """Estimate every trace without its noise from all its samples.

    A trace is a sum of jumps that decay exponentially, a slow part, and white noise. Jumps are never negative, and
    most are near 0. A second model has a fast normal part instead. Noise and variances are found for each trace by
    expectation maximisation. A tenth of the samples is hidden first: the decay times of both models, up to 2 s for
    jumps, and the weights with which their results are averaged are those that predict these samples best.

    Parameters
    ----------
    traces : Traces
        Fluorescence or ΔF/F.
    alike : array_like (N, k) of int, or None
        Positions of the neurons that are active at similar times as each neuron, such as `alike_neurons` finds: when
        they jump, a jump is expected. Negative where there is none. None uses each trace alone.
    progress : callable or None
        Called with steps done and in all; returns True to stop.

    Returns
    -------
    Denoised
        In the order of the traces.

    Raises
    ------
    InputError
        If `alike` does not fit the traces.
    Cancelled
        If `progress` asked to stop.
    """
    alike = _checked(alike, len(traces))
    rows = np.flatnonzero(traces.usable)
    values, sd = (np.full(traces.values.shape, np.nan, np.float32) for _ in range(2))
    noise = np.full(len(traces), np.nan, np.float32)
    if not len(rows):
        return Denoised(values, sd, noise, np.nan, np.nan)
    used = traces.values[rows].astype(np.float64)
    rest = np.nanpercentile(used, 20, axis=1, keepdims=True)
    scale = np.nanstd(used, axis=1, keepdims=True)
    standard = (used - rest) / scale
    if alike is not None:
        place = np.full(len(traces) + 1, -1)  # a negative position stays one
        place[rows] = np.arange(len(rows))
        alike = place[alike[rows]]

    longest = _LONGEST_DECAY * traces.frame_rate if traces.frame_rate else _LONGEST_WITHOUT_RATE
    decays = [decay for decay in _DECAYS if decay <= longest] or [_DECAYS[0]]
    total = len(decays) + len(_FAST) + 4 * _ROUNDS
    steps = iter(range(total))

    def tell() -> None:
        report(progress, next(steps), total)

    shown, hidden = _with_hidden(standard)
    some = slice(None, None, max(1, -(-len(standard) // _TRIED)))
    decay = _best_decay(standard[some], shown[some], hidden[some], decays, True, tell)
    fast = _best_decay(standard[some], shown[some], hidden[some], _FAST, False, tell)

    def both(given: NDArray[np.float64]) -> tuple[_Smooth, _Smooth]:
        return _smoothed(given, decay, True, alike, tell), _smoothed(given, fast, False, None, tell)

    jumps, normal = both(shown)
    share = _share(standard, hidden, jumps, normal)
    jumps, normal = both(standard)
    mean = share * jumps.mean + (1 - share) * normal.mean
    variance = share * jumps.variance + (1 - share) * normal.variance
    variance += share * (1 - share) * np.square(jumps.mean - normal.mean)  # of a mixture of the two
    values[rows] = rest + scale * mean
    sd[rows] = scale * np.sqrt(variance)
    noise[rows] = scale[:, 0] * np.sqrt(share * jumps.noise + (1 - share) * normal.noise)
    return Denoised(values, sd, noise, decay, share)


def _checked(alike: ArrayLike | None, neurons: int) -> NDArray[np.int64] | None:
    if alike is None:
        return None
    found = np.asarray(alike)
    if found.ndim != 2 or len(found) != neurons or not np.issubdtype(found.dtype, np.integer):
        raise InputError(
            f"Neurons that are alike must be integers, one row for each of the {neurons} traces."
        )
    if found.size and found.max() >= neurons:
        raise InputError(f"Neuron {found.max()} cannot be alike another one: there are {neurons} traces.")
    places: NDArray[np.int64] = np.maximum(found, -1).astype(np.int64)
    return places


class _Smooth(NamedTuple):
    """Mean and variance (N, T) of standardised traces, and the variance of their noise (N,)."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    noise: NDArray[np.float64]


def _with_hidden(standard: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return traces of which some samples are missing, and which."""
    known = np.isfinite(standard)
    hidden = known & (np.random.default_rng(0).random(standard.shape) < _HIDDEN)
    hidden[~(known & ~hidden).any(axis=1)] = False  # something must be left to see
    return np.where(hidden, np.nan, standard), hidden


def _best_decay(
    standard: NDArray[np.float64],
    shown: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    decays: Sequence[float],
    jumping: bool,
    tell: Callable[[], None],
) -> float:
    """Return the decay time, in samples, that predicts hidden samples best."""
    errors = {}
    for decay in decays:
        tell()
        mean = _smoothed(shown, decay, jumping, None, lambda: None).mean
        errors[decay] = _miss(standard, mean, hidden, _LARGE)
    return min(errors, key=errors.__getitem__)


def _share(
    standard: NDArray[np.float64], hidden: NDArray[np.bool_], jumps: _Smooth, normal: _Smooth
) -> float:
    """Return the weight of the model with jumps that predicts hidden samples best."""
    errors = [
        _miss(standard, share * jumps.mean + (1 - share) * normal.mean, hidden, _LARGE) for share in _SHARES
    ]
    return float(_SHARES[int(np.argmin(errors))])


def _miss(
    standard: NDArray[np.float64], found: NDArray[np.float64], hidden: NDArray[np.bool_], large: float
) -> float:
    """Return the mean of Huber's loss over hidden samples, of errors in units of the noise."""
    unit = np.sqrt(np.maximum(_difference_variance(standard), _LEAST_NOISE))[:, None]
    size = np.abs((found - standard) / unit)[hidden]
    loss = np.where(size < large, 0.5 * size**2, large * (size - 0.5 * large))
    return float(loss.mean()) if loss.size else 0.0


def _smoothed(
    standard: NDArray[np.float64],
    decay: float,
    jumping: bool,
    alike: NDArray[np.int64] | None,
    tell: Callable[[], None],
) -> _Smooth:
    """Fit a model to standardised traces, by expectation maximisation, and smooth them with it."""
    slower = _SLOWER if jumping else _SLOWER_NORMAL
    factor, slow_factor = np.exp(-1 / decay), np.exp(-1 / (slower * decay))
    step = np.full(len(standard), (0.1 if jumping else 0.5) * (1 - slow_factor**2))
    noise = np.clip(_difference_variance(standard), _LEAST_NOISE, 1)
    mean_jump = np.maximum(np.nanmean(standard, axis=1), 0.1) * (1 - factor)
    prior = np.repeat(mean_jump[:, None], standard.shape[1], axis=1)
    sites = np.stack([prior, prior**2], axis=1)
    if not jumping:
        sites[:, 0], sites[:, 1] = 0, 0.5 * (1 - factor**2)
    mean, variance, jumps = (np.empty_like(standard) for _ in range(3))
    passes = _PASSES if jumping else 1
    for round_ in range(_ROUNDS):
        tell()
        jumps[:, 0] = mean_jump
        squares = smooth_jumps(
            standard, prior, jumping, factor, slow_factor, step, noise, sites, passes, mean, variance, jumps
        )
        if round_ == _ROUNDS - 1:
            break
        noise = np.maximum(np.nanmean(np.square(standard - mean) + variance, axis=1), _LEAST_NOISE)
        step = np.maximum(squares[:, 1], _LEAST_STEP)
        if jumping:
            mean_jump = jumps.mean(axis=1)
            prior = _expected(jumps, mean_jump, alike)
        else:
            sites[:, 1] = np.maximum(squares[:, :1], _LEAST_STEP)
    return _Smooth(mean, variance, noise)


def _difference_variance(standard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half the mean squared difference of neighbouring samples: noise, and what changes as fast."""
    squares = np.square(np.diff(standard, axis=1))
    known = np.isfinite(squares)
    result: NDArray[np.float64] = np.where(known, squares, 0).sum(1) / (2 * np.maximum(known.sum(1), 1))
    return result


def _expected(
    jumps: NDArray[np.float64], mean_jump: NDArray[np.float64], alike: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """Return the mean of every jump's prior: a neuron's own, those of neurons alike, and the mean over time."""
    expected = _OWN * jumps + _EVEN * mean_jump[:, None]
    weight = np.full(len(jumps), _OWN + _EVEN)
    if alike is not None:
        relative = jumps / mean_jump[:, None]
        for neuron, others in enumerate(alike):
            others = others[others >= 0]
            if len(others):
                expected[neuron] += _ALIKE * mean_jump[neuron] * relative[others].mean(axis=0)
                weight[neuron] += _ALIKE
    result: NDArray[np.float64] = expected / weight[:, None]
    return result
