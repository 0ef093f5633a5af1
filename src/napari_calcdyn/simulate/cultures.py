"""Simulated cultures of the AVAE paper: fluorescence of neurons of several types."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError, ProgressCallback
from napari_calcdyn.recording.errors import check_range
from napari_calcdyn.recording.progress import part_of
from napari_calcdyn.recording.writing import replacing, writing

from .culture import CONTACT_KEPT, EXCITATORY_SHARE, KINDS, check_kind, grow_culture
from .fluorescence import fluorescence
from .spiking import simulate_spikes

FILES = ("traces.npy", "clean.npy", "neurons.csv", "culture.json")
"""What `SimulatedCultures.save` writes."""

LONGEST_ONSET = 2.0
"""The recording of a culture starts between 0 and this many seconds after the simulation does."""


@dataclass(frozen=True)
class CultureSettings:
    """Arguments of `simulate_cultures`."""

    kinds: tuple[str, ...]
    cultures: int
    neurons: int
    seconds: float
    sigma: float
    frame_rate: float
    axon_length: float
    seed: int
    excitatory_share: float = EXCITATORY_SHARE
    contact_kept: float = CONTACT_KEPT


@dataclass(frozen=True, eq=False)
class SimulatedCultures:
    """Fluorescence of all neurons of several cultures, with their types and parameters.

    Attributes
    ----------
    clean : ndarray, shape (N, T), float32
        Fluorescence without noise, 42 at rest; one culture after the other.
    table : dict of ndarray, each of shape (N,)
        ``neuron`` (0 to N − 1), ``culture`` (0 to cultures − 1, each of one type), ``type``,
        ``excitatory``, ``a``, ``b``, ``v0``, ``du`` (parameters of Eq. 1), ``x_mm``, ``y_mm`` (from the
        middle of the culture), ``onset_s`` (time of the first sample, T_in) and ``rate_hz`` (mean firing
        rate over the whole simulation).
    settings : CultureSettings
        Arguments of the simulation.
    """

    clean: NDArray[np.float32]
    table: dict[str, NDArray[Any]]
    settings: CultureSettings

    @cached_property
    def traces(self) -> NDArray[np.float32]:
        """Noisy traces x of Eq. 3 at the settings' σ and seed, shape (N, T)."""
        return self.noisy(self.settings.sigma, self.settings.seed)

    @property
    def frame_rate(self) -> float:
        """Samples per second."""
        return self.settings.frame_rate

    def noisy(self, sigma: float, seed: int = 0) -> NDArray[np.float32]:
        """Add Gaussian noise to the clean traces (Eq. 3).

        Parameters
        ----------
        sigma : float
            Standard deviation of the noise, in units of the traces (F0 is 42).
        seed : int
            The same seed gives the same noise, scaled by `sigma`.

        Returns
        -------
        ndarray, shape (N, T), float32
            Noisy traces.
        """
        if not 0 <= sigma <= 1000:
            raise InputError(f"A noise level of {sigma:g} is out of range: choose 0 to 1000.")
        noise = _stream(seed, len(KINDS)).standard_normal(self.clean.shape, np.float32)
        noise *= np.float32(sigma)
        noise += self.clean
        return noise

    def save(self, folder: str | Path) -> None:
        """Write ``traces.npy``, ``clean.npy``, ``neurons.csv`` and ``culture.json`` (the settings).

        Parameters
        ----------
        folder : str or Path
            Made if it does not exist; files of these names in it are replaced.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        folder = Path(folder)
        with writing(folder), ExitStack() as files:
            folder.mkdir(parents=True, exist_ok=True)
            parts = {name: files.enter_context(replacing(folder / name)) for name in FILES}
            np.save(parts["traces.npy"], self.traces)
            np.save(parts["clean.npy"], self.clean)
            with parts["neurons.csv"].open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(self.table)
                writer.writerows(zip(*(column.tolist() for column in self.table.values()), strict=True))
            parts["culture.json"].write_text(
                json.dumps(asdict(self.settings), indent=2) + "\n", encoding="utf-8"
            )


def simulate_cultures(
    kinds: Sequence[str] = ("RS", "IB", "CH"),
    cultures: int = 5,
    neurons: int = 700,
    seconds: float = 30.0,
    sigma: float = 1.0,
    frame_rate: float = 50.0,
    *,
    axon_length: float = 0.1,
    excitatory_share: float = EXCITATORY_SHARE,
    contact_kept: float = CONTACT_KEPT,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> SimulatedCultures:
    """Simulate cultures of every type as in section 2.1 of the AVAE paper (Abante et al. 2025).

    Each culture is grown separately and simulated for an offset of its own, uniform from 0 to 2 s, which its
    traces leave out, plus `seconds`. A culture depends only on the seed, its type and its number within the
    type, so a simulation of fewer cultures gives the same ones.

    Parameters
    ----------
    kinds : sequence of {"RS", "IB", "CH"}
        Types, each at most once.
    cultures : int
        Cultures per type.
    neurons : int
        Neurons per culture.
    seconds : float
        Length of the traces, s.
    sigma : float
        Standard deviation of the noise; F0 is 42.
    frame_rate : float
        Samples per second; T is ``seconds · frame_rate``, rounded.
    axon_length : float
        Scale of the distribution of axon lengths, mm.
    excitatory_share : float
        Share of the neurons of a culture that are excitatory; the others are inhibitory.
    contact_kept : float
        Probability that a contact of an axon with a dendrite becomes a synapse.
    seed : int
        The same seed and arguments give the same data.
    progress : callable, optional
        Called with milliseconds done and in all.

    Returns
    -------
    SimulatedCultures
        Traces with and without noise, and the type and parameters of every neuron.

    Raises
    ------
    InputError
        If an argument is out of its range.
    Cancelled
        If the callback asks for it.
    """
    kinds = tuple(kinds)
    _check_ranges(kinds, cultures, seconds, sigma, frame_rate, seed)
    frames = max(round(seconds * frame_rate), 1)
    length = frames / frame_rate
    steps = round(1000 * (length + LONGEST_ONSET))
    total = len(kinds) * cultures * steps
    clean, columns = [], []
    for number, (kind, repeat) in enumerate((kind, repeat) for kind in kinds for repeat in range(cultures)):
        rng = _stream(seed, list(KINDS).index(kind), repeat)
        culture = grow_culture(
            neurons,
            kind,
            axon_length=axon_length,
            excitatory_share=excitatory_share,
            contact_kept=contact_kept,
            seed=rng,
        )
        onset = round(rng.uniform(0, LONGEST_ONSET), 3)

        spikes = simulate_spikes(
            culture,
            np.ceil(1000 * (length + onset)) / 1000,
            seed=rng,
            progress=part_of(progress, number * steps, (number + 1) * steps, total),
        )
        clean.append(fluorescence(spikes, frame_rate, onset=onset, frames=frames))
        columns.append(
            {
                "culture": np.full(neurons, number),
                "type": np.full(neurons, kind),
                "excitatory": culture.excitatory,
                "a": culture.a,
                "b": culture.b,
                "v0": culture.v0,
                "du": culture.du,
                "x_mm": culture.positions[:, 0],
                "y_mm": culture.positions[:, 1],
                "onset_s": np.full(neurons, onset),
                "rate_hz": spikes.rates,
            }
        )
    table = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    return SimulatedCultures(
        clean=np.concatenate(clean),
        table={"neuron": np.arange(len(table["type"])), **table},
        settings=CultureSettings(
            kinds,
            cultures,
            neurons,
            float(seconds),
            float(sigma),
            float(frame_rate),
            float(axon_length),
            seed,
            float(excitatory_share),
            float(contact_kept),
        ),
    )


def simulate_culture(kind: str = "RS", **settings: Any) -> SimulatedCultures:
    """Simulate one culture of one type of neuron.

    Parameters
    ----------
    kind : {"RS", "IB", "CH"}
        Type of its neurons.
    **settings
        As for `simulate_cultures`.

    Returns
    -------
    SimulatedCultures
        With one culture.

    Raises
    ------
    InputError
        If an argument is out of its range.
    """
    return simulate_cultures((kind,), 1, **settings)


def _stream(seed: int, *key: int) -> np.random.Generator:
    """Return a random generator for one use of a seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _check_ranges(
    kinds: tuple[str, ...], cultures: int, seconds: float, sigma: float, frame_rate: float, seed: int
) -> None:
    for kind in kinds:
        check_kind(kind)
    if not kinds or len(set(kinds)) < len(kinds):
        raise InputError("The neuron types must be one or more of RS, IB and CH, each named once.")
    check_range("cultures", cultures, 1, 1000)
    check_range("seconds", seconds, 0.1, 3600)
    check_range("sigma", sigma, 0, 1000)
    check_range("frame_rate", frame_rate, 0.5, 1000)
    check_range("seed", seed, 0, 2**63)
