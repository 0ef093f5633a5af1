"""Spikes of Izhikevich neurons with depressing synapses, in steps of 1 ms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError, ProgressCallback, report

from .culture import Culture

STEP = 1.0  # ms
THRESHOLD = 30.0  # mV
NOISE = float(np.sqrt(2 * 2.25))  # standard deviation of η at steps of 1 ms
SYNAPSE = 10.0  # ms; decay of a release
RECOVERY = 8000.0  # ms; recovery of the resources of a synapse
LEFT = 0.2  # share of the resources that is left after a spike
START = 0.5  # largest resources at the start; more would cause a burst at once
_BLOCK = 1000  # steps between two calls of the progress callback


@dataclass(frozen=True, eq=False)
class Spikes:
    """All spikes of a culture, in order of time.

    Attributes
    ----------
    steps : ndarray, shape (S,), int64
        Time of each spike, ms.
    neurons : ndarray, shape (S,), int64
        Neuron that fired it.
    number : int
        Number of neurons N.
    seconds : float
        Simulated time.
    """

    steps: NDArray[np.int64]
    neurons: NDArray[np.int64]
    number: int
    seconds: float

    @property
    def rates(self) -> NDArray[np.float64]:
        """Mean firing rate of every neuron, shape (N,), Hz."""
        return np.bincount(self.neurons, minlength=self.number) / self.seconds

    def counts(self, width: float) -> NDArray[np.int64]:
        """Count every neuron's spikes in bins.

        Parameters
        ----------
        width : float
            Width of a bin, s.

        Returns
        -------
        ndarray, shape (N, bins), int64
            A last bin that is not full is left out.
        """
        bins = int(round(self.seconds / width, 9))
        bin_of = (self.steps // (1000 * width)).astype(np.int64)
        inside = bin_of < bins
        flat = np.bincount(self.neurons[inside] * bins + bin_of[inside], minlength=self.number * bins)
        return flat.reshape(self.number, bins)

    def synchrony(self, width: float = 0.1) -> float:
        """Measure how synchronous the neurons are: Golomb's χ of spike counts.

        ``χ² = var_t(mean_i n_i(t)) / mean_i(var_t n_i(t))`` with n the counts in bins.

        Parameters
        ----------
        width : float
            Width of a bin, s; 0.1 s is about as long as a network burst.

        Returns
        -------
        float
            1 if all neurons do the same, about 1/√N if they are independent, NaN if none fires.
        """
        counts = self.counts(width)
        alone = counts.var(axis=1).mean()
        return float(np.sqrt(counts.mean(axis=0).var() / alone)) if alone else float("nan")


@dataclass(frozen=True, eq=False)
class State:
    """State of a culture between two steps; every array has shape (N,) and is changed in place.

    Attributes
    ----------
    v, u : ndarray
        Membrane potential (mV) and recovery variable.
    drive : ndarray
        Synaptic input I, ``I_j = Σ_i W_ij P_i`` with P what neuron i has released.
    resource : ndarray
        R, the resources that a neuron's synapses can still release, 0 to 1.
    """

    v: NDArray[np.float64]
    u: NDArray[np.float64]
    drive: NDArray[np.float64]
    resource: NDArray[np.float64]


def starting_state(culture: Culture, rng: np.random.Generator) -> State:
    """Return a state of neurons at rest, with synaptic resources as after a burst.

    Random potentials, or full resources, would make most neurons fire at once. All cultures would start with
    this burst, which would be visible in their fluorescence for seconds.

    Parameters
    ----------
    culture : Culture
        The network.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    State
        Potentials at the fixed point of Eq. 1 without input, resources from 0 to 0.5.
    """
    slope = 5 - culture.b
    v = (-slope - np.sqrt(slope**2 - 4 * 0.04 * 140)) / (2 * 0.04)
    return State(v, culture.b * v, np.zeros(len(culture)), rng.uniform(0, START, len(culture)))


def simulate_spikes(
    culture: Culture,
    seconds: float,
    *,
    seed: int | np.random.Generator = 0,
    progress: ProgressCallback | None = None,
) -> Spikes:
    """Simulate Eq. 1 of the AVAE paper (Izhikevich 2003) with depressing synapses in steps of 1 ms.

    Parameters
    ----------
    culture : Culture
        The network.
    seconds : float
        Time to simulate.
    seed : int or numpy.random.Generator
        Of the starting state and the noise.
    progress : callable, optional
        Called with steps done and in all.

    Returns
    -------
    Spikes
        Of all neurons.

    Raises
    ------
    InputError
        If the time is out of range.
    Cancelled
        If the callback asks for it.
    """
    if not 0.001 <= seconds <= 36_000:
        raise InputError(f"{seconds:g} s cannot be simulated: choose 0.001 to 36000 s.")
    rng = np.random.default_rng(seed)
    state = starting_state(culture, rng)
    steps = round(1000 * seconds)
    when, who = [], []
    for start in range(0, steps, _BLOCK):
        report(progress, start, steps)
        noise = rng.standard_normal((min(_BLOCK, steps - start), len(culture)))
        at, neurons = advance(culture, state, noise)
        when.append(start + at)
        who.append(neurons)
    report(progress, steps, steps)
    return Spikes(np.concatenate(when), np.concatenate(who), len(culture), steps / 1000)


def advance(
    culture: Culture, state: State, noise: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take one step for each row of noise.

    Parameters
    ----------
    culture : Culture
        The network.
    state : State
        State of the culture; changed in place.
    noise : ndarray, shape (steps, N), float64
        Standard normal numbers.

    Returns
    -------
    steps, neurons : ndarray, shape (S,), int64
        Every spike's step, from 0, and neuron.
    """
    weights = culture.weights
    flat = _advance(
        state.v,
        state.u,
        state.drive,
        state.resource,
        culture.a,
        culture.b,
        culture.v0,
        culture.du,
        weights.data,
        weights.indices.astype(np.int64),
        weights.indptr.astype(np.int64),
        np.ascontiguousarray(noise),
    )
    steps, neurons = np.divmod(flat, len(culture))
    return steps, neurons


_ROW, _INDEX = "float64[::1]", "int64[::1]"


@njit(
    f"{_INDEX}({', '.join([_ROW] * 9)}, {_INDEX}, {_INDEX}, float64[:, ::1])",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def _advance(v, u, drive, resource, a, b, v0, du, data, indices, indptr, noise):  # type: ignore[no-untyped-def]
    """Step all neurons; return ``step · N + neuron`` of every spike.

    All releases decay at the same rate, so the input ``Σ_i W_ij P_i`` does too, and synapses only matter at
    spikes.
    """
    steps, number = noise.shape
    spikes = np.empty(1024, np.int64)
    found = 0
    for step in range(steps):
        for i in range(number):
            current = drive[i] + NOISE * noise[step, i]
            potential = v[i]
            recovery = u[i]
            u[i] = recovery + STEP * a[i] * (b[i] * potential - recovery)
            for _ in range(2):  # two half steps keep the upstroke of a spike stable
                slope = 0.04 * potential * potential + 5 * potential + 140 - recovery
                potential += 0.5 * STEP * (slope + current)
            v[i] = potential
            drive[i] -= STEP * drive[i] / SYNAPSE
            resource[i] += STEP * (1 - resource[i]) / RECOVERY
        for i in range(number):
            if v[i] > THRESHOLD:
                v[i] = v0[i]
                u[i] += du[i]
                for k in range(indptr[i], indptr[i + 1]):
                    drive[indices[k]] += data[k] * resource[i]
                resource[i] *= LEFT
                if found == len(spikes):
                    longer = np.empty(2 * found, np.int64)
                    longer[:found] = spikes
                    spikes = longer
                spikes[found] = step * number + i
                found += 1
    return spikes[:found].copy()
