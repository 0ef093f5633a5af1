"""Growth of a culture of one type of neuron: positions, synapses and parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.errors import check_range

from .growth import find_contacts, grow_axons, place_neurons

KINDS: dict[str, tuple[float, float, float, float]] = {
    "RS": (0.02, 0.2, -65.0, 8.0),
    "IB": (0.02, 0.2, -55.0, 4.0),
    "CH": (0.02, 0.2, -50.0, 2.0),
}
"""Izhikevich's a, b, v0 (mV) and Δu of regular spiking, intrinsically bursting and chattering neurons."""

EXCITATORY_SHARE, CONTACT_KEPT = 0.8, 0.5  # as in the paper
WEIGHT = {True: 6.0, False: -12.0}  # mean weight of excitatory and of inhibitory synapses
WEIGHT_SPREAD = 0.1  # standard deviation of a weight relative to its mean
PARAMETER_SPREAD = 0.05  # standard deviation of a neuron's parameters relative to those of its type


@dataclass(frozen=True, eq=False)
class Culture:
    """A grown network and its neurons' parameters.

    Attributes
    ----------
    kind : str
        ``RS``, ``IB`` or ``CH``.
    positions : ndarray, shape (N, 2), float64
        x and y from the middle of the culture, mm.
    radius : float
        Radius of the culture, mm.
    weights : csr_array, shape (N, N), float64
        [presynaptic, postsynaptic]; a row is positive for an excitatory, negative for an inhibitory neuron.
    excitatory : ndarray, shape (N,), bool
        Four neurons in five by default.
    a, b, v0, du : ndarray, shape (N,), float64
        Parameters of Eq. 1 of the AVAE paper: 1/ms, 1/ms, mV and mV/ms.
    """

    kind: str
    positions: NDArray[np.float64]
    radius: float
    weights: csr_array
    excitatory: NDArray[np.bool_]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    v0: NDArray[np.float64]
    du: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of neurons N."""
        return len(self.positions)


def check_kind(kind: str) -> None:
    """Raise InputError if there is no such type of neuron."""
    if kind not in KINDS:
        raise InputError(f"The neuron type {kind!r} is not known: choose among {', '.join(KINDS)}.")


def grow_culture(
    neurons: int = 700,
    kind: str = "RS",
    *,
    axon_length: float = 0.1,
    excitatory_share: float = EXCITATORY_SHARE,
    contact_kept: float = CONTACT_KEPT,
    seed: int | np.random.Generator = 0,
) -> Culture:
    """Grow a culture as in section 2.1 of the AVAE paper (Abante et al. 2025, after Orlandi et al. 2013).

    All neurons, inhibitory ones included, fire in the pattern of the culture's type, as in the
    authors' simulations.

    Parameters
    ----------
    neurons : int
        Number of neurons N, at 250 per mm².
    kind : {"RS", "IB", "CH"}
        Regular spiking, intrinsically bursting or chattering.
    axon_length : float
        Scale of the Rayleigh distribution of axon lengths, mm.
    excitatory_share : float
        Share of the neurons that are excitatory; the others are inhibitory.
    contact_kept : float
        Probability that a contact of an axon with a dendrite becomes a synapse.
    seed : int or numpy.random.Generator
        The same seed and arguments give the same culture.

    Returns
    -------
    Culture
        Positions, weights and parameters.

    Raises
    ------
    InputError
        If the type is unknown or a number is out of range.
    """
    check_kind(kind)
    if not 2 <= neurons <= 20_000:
        raise InputError(f"{neurons} neurons cannot be simulated: choose 2 to 20000.")
    if not 0.01 <= axon_length <= 5:
        raise InputError(f"An axon length of {axon_length:g} mm is out of range: choose 0.01 to 5 mm.")
    check_range("excitatory_share", excitatory_share, 0, 1)
    check_range("contact_kept", contact_kept, 0, 1)
    rng = np.random.default_rng(seed)
    positions, radius = place_neurons(neurons, rng)
    points, owner = grow_axons(positions, radius, axon_length, rng)
    weights = find_contacts(positions, points, owner, rng).tocoo()
    excitatory = np.zeros(neurons, bool)
    excitatory[rng.permutation(neurons)[: round(excitatory_share * neurons)]] = True
    kept = rng.uniform(size=weights.nnz) < contact_kept
    before, after = weights.row[kept], weights.col[kept]
    # The presynaptic neuron sets the sign.
    size = np.where(excitatory[before], WEIGHT[True], WEIGHT[False])
    size *= np.abs(rng.normal(1, WEIGHT_SPREAD, len(size)))
    a, b, v0, du = (value * rng.normal(1, PARAMETER_SPREAD, neurons) for value in KINDS[kind])
    return Culture(
        kind=kind,
        positions=positions,
        radius=radius,
        weights=csr_array((size, (before, after)), shape=(neurons, neurons)),
        excitatory=excitatory,
        a=a,
        b=b,
        v0=v0,
        du=du,
    )
