"""Smoother of traces: jumps that decay, a slow part, and white noise."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_TAIL = -5.0  # standard deviations from which the hazard is taken from a continued fraction
_FAR_TAIL = -30.0  # and from which a truncated normal is an exponential
_LEAST_INFORMATION = 1e-12
_DAMPING = 0.8  # share of a new approximation; below 1, iterations do not swing
_OPTIONS = {"nogil": True, "cache": True}


@njit(**_OPTIONS)
def _hazard(x):  # type: ignore[no-untyped-def]
    """Return φ(x) / Φ(x) of the standard normal distribution."""
    if x > _TAIL:
        return math.exp(-0.5 * x * x) * 0.3989422804014327 / (0.5 * math.erfc(-x * 0.7071067811865476))
    fraction = -x
    for k in range(12, 0, -1):
        fraction = -x + k / fraction
    return fraction


@njit(**_OPTIONS)
def _site(centre, variance, prior):  # type: ignore[no-untyped-def]
    """Return mean and variance of a jump that is normal by the samples and exponential by the prior."""
    sd = math.sqrt(variance)
    standard = (centre - variance / prior) / sd
    hazard = _hazard(standard)
    spread = 1 - hazard * (hazard + standard)
    if standard < _FAR_TAIL or spread <= 0:
        mean = -sd / standard
        return mean, mean * mean
    return sd * (standard + hazard), variance * spread


@njit(**_OPTIONS)
def _forward(trace, decay, slow_decay, slow, noise, site, states):  # type: ignore[no-untyped-def]
    """Kalman filter: fill in means and covariance of both parts, predicted from the samples before."""
    jumped, drifted, v11, v12, v22 = 0.0, 0.0, 1.0, 0.0, 1.0  # of a standardised trace
    for t in range(len(trace)):
        if t > 0:
            jumped = decay * jumped + site[0, t]
            drifted *= slow_decay
            v11 = decay * decay * v11 + site[1, t]
            v12 *= decay * slow_decay
            v22 = slow_decay * slow_decay * v22 + slow
        states[0, t], states[1, t], states[2, t], states[3, t], states[4, t] = jumped, drifted, v11, v12, v22
        if not math.isnan(trace[t]):
            first, second = v11 + v12, v12 + v22
            total = first + second + noise
            surprise = (trace[t] - jumped - drifted) / total
            jumped += first * surprise
            drifted += second * surprise
            v11 -= first * first / total
            v12 -= first * second / total
            v22 -= second * second / total


@njit(**_OPTIONS)
def _backward(  # type: ignore[no-untyped-def]
    trace, prior, jumping, decay, slow_decay, slow, noise, site, states, mean, variance, jumps, squares
):
    """Disturbance smoother; moves the sites of jumps, and fills in the mean squares of both parts' steps."""
    r1, r2, n11, n12, n22 = 0.0, 0.0, 0.0, 0.0, 0.0
    largest = 1e3 * (1 + noise)
    squares[:] = 0
    for t in range(len(trace) - 1, -1, -1):
        jumped, drifted = states[0, t], states[1, t]
        v11, v12, v22 = states[2, t], states[3, t], states[4, t]
        first, second = v11 + v12, v12 + v22
        if not math.isnan(trace[t]):
            total = first + second + noise
            k1, k2 = first / total, second / total
            surprise = (trace[t] - jumped - drifted) / total - k1 * r1 - k2 * r2
            r1 += surprise
            r2 += surprise
            g1, g2 = n11 * k1 + n12 * k2, n12 * k1 + n22 * k2
            both = 1 / total + k1 * g1 + k2 * g2
            n11, n12, n22 = n11 - 2 * g1 + both, n12 - g1 - g2 + both, n22 - 2 * g2 + both
        mean[t] = jumped + drifted + first * r1 + second * r2
        variance[t] = (
            first + second - (first * first * n11 + 2 * first * second * n12 + second * second * n22)
        )
        if t == 0:
            break
        own = site[1, t]
        squares[0] += own * own * (r1 * r1 - n11) + own
        squares[1] += slow * slow * (r2 * r2 - n22) + slow
        if jumping and n11 > _LEAST_INFORMATION:
            # What the samples alone say of this jump: the smoothed one without the site.
            own = max((1 - site[1, t] * n11) / n11, 1e-9)
            centre = site[0, t] + r1 / n11
            jumps[t], spread = _site(centre, own, prior[t])
            precision = _DAMPING * (1 / spread - 1 / own) + (1 - _DAMPING) / site[1, t]
            linear = _DAMPING * (jumps[t] / spread - centre / own) + (1 - _DAMPING) * site[0, t] / site[1, t]
            precision = max(precision, 1 / largest)
            site[0, t], site[1, t] = linear / precision, 1 / precision
        elif jumping:
            jumps[t] = prior[t]
        r1 *= decay
        r2 *= slow_decay
        n11 *= decay * decay
        n12 *= decay * slow_decay
        n22 *= slow_decay * slow_decay
    squares /= max(len(trace) - 1, 1)


@njit(**_OPTIONS)
def smooth_jumps(  # type: ignore[no-untyped-def]
    traces, prior, jumping, decay, slow_decay, slow, noise, sites, passes, mean, variance, jumps
):
    """Improve the approximate posterior of standardised traces by expectation propagation (Minka, 2001).

    A trace is ``s[t] + d[t] + noise`` with ``s[t] = decay s[t-1] + w[t]``, w exponentially distributed and so never
    negative, and ``d[t] = slow_decay d[t-1]`` + a normal step. Each w is replaced by a normal distribution, its site,
    that has the same effect on the posterior; a pass is a Kalman smoother with these.

    Parameters
    ----------
    traces : ndarray (N, T), float64
        Of mean square about 1, resting at 0; NaN where a sample is missing.
    prior : ndarray (N, T), float64
        Mean of each jump.
    jumping : bool
        If not, w is normal with the mean and variance of its site, which is not changed, and one pass is exact.
    decay, slow_decay : float
        Factors per sample.
    slow, noise : ndarray (N,), float64
        Variances of the steps of the slow part, and of the noise.
    sites : ndarray (N, 2, T), float64
        Mean and variance of each site; changed.
    passes : int
        Number of passes.
    mean, variance, jumps : ndarray (N, T), float64
        Filled in: mean and variance of ``s + d``, and the mean jumps; ``jumps[:, 0]`` is left as it is.

    Returns
    -------
    ndarray (N, 2), float64
        Mean squares of w and of the steps of the slow part.
    """
    squares = np.empty((len(traces), 2))
    states = np.empty((5, traces.shape[1]))
    for i in range(len(traces)):
        for _ in range(passes):
            _forward(traces[i], decay, slow_decay, slow[i], noise[i], sites[i], states)
            _backward(
                traces[i],
                prior[i],
                jumping,
                decay,
                slow_decay,
                slow[i],
                noise[i],
                sites[i],
                states,
                mean[i],
                variance[i],
                jumps[i],
                squares[i],
            )
    return squares
