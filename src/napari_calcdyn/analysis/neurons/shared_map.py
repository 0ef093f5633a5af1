"""One map of the neurons of several recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.kinds import KindEncoder
from napari_calcdyn.recording import InputError, ProgressCallback, Traces
from napari_calcdyn.recording.csv_table import read_table
from napari_calcdyn.recording.progress import part_of
from napari_calcdyn.recording.writing import write_table

from .clustering import NOISE, cluster_neurons
from .tsne import Embedding, check_enough_neurons, fit_tsne, known_tsne

DISH = "dish"
"""Label that says which recordings are of one dish, animal or day; without it, each recording is one of its own."""
_RECORDING, _ROI, _CLUSTER = "recording", "roi_id", "cluster"
_PLACES = ("tsne_1", "tsne_2")
_LATENT = "mu_"


@dataclass(frozen=True, eq=False)
class SharedMap:
    """Latents, map place and cluster of every neuron of several recordings; made by `map_recordings`.

    Attributes
    ----------
    names : tuple of str
        Of the R recordings, all different.
    recording : ndarray (N,), int64
        Position of each neuron's recording.
    ids : ndarray (N,), int64
        Its ROI in that recording.
    latents : ndarray (N, D), float32
        What kind of neuron it is; NaN where its trace cannot be used.
    tsne : ndarray (N, 2), float32
        Its place on the map.
    cluster : ndarray (N,), int64
        Its group, from 0; −1 for none.
    labels : dict of str to tuple of str
        What else is known of each recording, such as its dish and its condition; "" where it is not known.
    """

    names: tuple[str, ...]
    recording: NDArray[np.int64]
    ids: NDArray[np.int64]
    latents: NDArray[np.float32]
    tsne: NDArray[np.float32]
    cluster: NDArray[np.int64]
    labels: dict[str, tuple[str, ...]]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which neurons have latents, (N,)."""
        return np.asarray(np.isfinite(self.latents).all(axis=1))

    @property
    def dishes(self) -> NDArray[np.str_]:
        """Dish of each neuron, (N,): its label, or its recording where there is none."""
        dishes = self.labels.get(DISH, ("",) * len(self.names))
        return np.array([dish or name for dish, name in zip(dishes, self.names, strict=True)])[self.recording]

    def label(self, name: str) -> NDArray[np.str_]:
        """Return a label of each neuron.

        Parameters
        ----------
        name : str
            One of `labels`.

        Returns
        -------
        ndarray (N,), str
            Those of their recordings.
        """
        return np.array(self.labels[name])[self.recording]

    def write_csv(self, path: str | Path) -> None:
        """Write ``recording, roi_id, …, mu_1, …, tsne_1, tsne_2, cluster``, the labels in the middle.

        Parameters
        ----------
        path : str or Path
            File to write or replace, in one step. What an unusable trace leaves unknown is an empty cell.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        latents = [f"{_LATENT}{number}" for number in range(1, self.latents.shape[1] + 1)]
        table: list[list[Any]] = [[_RECORDING, _ROI, *self.labels, *latents, *_PLACES, _CLUSTER]]
        labels = [
            [values[recording] for values in self.labels.values()] for recording in range(len(self.names))
        ]
        numbers = np.hstack([self.latents, self.tsne])
        for at, recording in enumerate(self.recording):
            cells = [f"{value:.9g}" if np.isfinite(value) else "" for value in numbers[at]]
            table.append([self.names[recording], self.ids[at], *labels[recording], *cells, self.cluster[at]])
        write_table(Path(path), table)

    @classmethod
    def read_csv(cls, path: str | Path) -> SharedMap:
        """Read what `write_csv` wrote.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        SharedMap
            As it was written.

        Raises
        ------
        InputError
            If it is not such a file.
        """
        table = read_table(path)
        latents = [name for name in table.cells if name.startswith(_LATENT)]
        needed = (_RECORDING, _ROI, *_PLACES, _CLUSTER)
        if not latents or not set(needed) <= set(table.cells):
            raise InputError(
                f"{table.name} is no map of several recordings: give the folder of `calcdyn neurons` with several"
                " inputs."
            )
        column = table.cells[_RECORDING]
        names = tuple(dict.fromkeys(column))
        place = {name: at for at, name in enumerate(names)}
        first = [column.index(name) for name in names]
        labels = [name for name in table.cells if name not in (*needed, *latents)]
        try:
            ids, cluster = (np.array(table.cells[name]).astype(np.int64) for name in (_ROI, _CLUSTER))
            numbers = np.column_stack([table.typed(name).astype(np.float32) for name in (*latents, *_PLACES)])
        except ValueError as error:
            raise InputError(f"{table.name} is damaged: make the map again.") from error
        return cls(
            names,
            np.array([place[name] for name in column]),
            ids,
            numbers[:, :-2],
            numbers[:, -2:],
            cluster,
            {label: tuple(table.cells[label][at] for at in first) for label in labels},
        )


def map_recordings(
    model: KindEncoder,
    recordings: Sequence[Traces],
    *,
    names: Sequence[str] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    onto: SharedMap | None = None,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> SharedMap:
    """Lay the neurons of several recordings out on one map, and cluster them.

    Parameters
    ----------
    model : KindEncoder
        Fitted to these recordings or to others.
    recordings : sequence of Traces
        R recordings, of any length and frame rate.
    names : sequence of str, optional
        What to call each; their own names by default.
    labels : mapping of str to sequence of str, optional
        What else is known of each, such as ``{"dish": ["1", "2"], "condition": ["control", "diseased"]}``.
    onto : SharedMap, optional
        An earlier map by the same model. Its neurons stay where they are, and come first in the result; each new one
        gets the cluster of the old neuron that is nearest in the latents.
    seed : int
        Of a new map.
    progress : callable or None
        Called with steps done and in all; returns True to stop.

    Returns
    -------
    SharedMap
        In the order of the recordings and of their traces.

    Raises
    ------
    InputError
        If names or labels do not fit the recordings, there are fewer than 10 neurons, or the map is of another model.
    Cancelled
        If `progress` asked to stop.
    """
    names = [recording.name for recording in recordings] if names is None else list(names)
    known_of = {name: tuple(map(str, values)) for name, values in (labels or {}).items()}
    _check(names, known_of, len(recordings), onto)
    total = 2 * len(recordings)
    latents = np.concatenate(
        [
            model.encode(traces, progress=part_of(progress, at, at + 1, total))
            for at, traces in enumerate(recordings)
        ]
    )
    known = np.isfinite(latents).all(axis=1)
    tsne = np.full((len(latents), 2), np.nan, np.float32)
    cluster = np.full(len(latents), NOISE, np.int64)
    mapping = part_of(progress, len(recordings), total, total)
    if onto is None:
        check_enough_neurons(int(known.sum()))
        tsne[known] = fit_tsne(latents[known], seed=seed, progress=mapping).coordinates
        cluster[known] = cluster_neurons(latents[known])
    else:
        tsne[known], cluster[known] = _placed(latents[known], onto, mapping)
    found = SharedMap(
        tuple(names),
        np.repeat(np.arange(len(recordings)), [len(traces) for traces in recordings]),
        np.concatenate([traces.ids for traces in recordings]),
        latents,
        tsne,
        cluster,
        known_of,
    )
    return found if onto is None else _joined(onto, found)


def _check(
    names: Sequence[str], labels: Mapping[str, Sequence[str]], count: int, onto: SharedMap | None
) -> None:
    if not count:
        raise InputError("There is no recording: give at least one.")
    every = [*names, *(onto.names if onto else ())]
    twice = next((name for name in every if every.count(name) > 1), None)
    if len(names) != count or twice is not None:
        raise InputError(
            f"Each recording needs a name of its own: {twice or 'one'} is there twice or missing."
        )
    for label, values in labels.items():
        if len(values) != count:
            raise InputError(
                f"The label {label!r} has {len(values)} values for {count} recordings: give one for each, in their"
                " order."
            )
        if label in (_RECORDING, _ROI, _CLUSTER, *_PLACES) or label.startswith(_LATENT):
            raise InputError(
                f"A label cannot be called {label!r}, which is a column of the table: rename it."
            )


def _placed(
    latents: NDArray[np.float32], onto: SharedMap, progress: ProgressCallback | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return places and clusters of new neurons on an old map."""
    from sklearn.neighbors import NearestNeighbors

    old = onto.known
    embedding: Embedding = known_tsne(onto.latents[old], onto.tsne[old])
    places = embedding.transform(latents, progress=progress)
    if not len(latents):
        return places, np.empty(0, np.int64)
    nearest = (
        NearestNeighbors(n_neighbors=1).fit(onto.latents[old]).kneighbors(latents, return_distance=False)
    )
    return places, onto.cluster[old][nearest[:, 0]]


def _joined(old: SharedMap, new: SharedMap) -> SharedMap:
    labels = {
        name: old.labels.get(name, ("",) * len(old.names)) + new.labels.get(name, ("",) * len(new.names))
        for name in dict.fromkeys([*old.labels, *new.labels])
    }
    both = {
        part: np.concatenate([getattr(old, part), getattr(new, part)])
        for part in ("ids", "latents", "tsne", "cluster")
    }
    recording = np.concatenate([old.recording, new.recording + len(old.names)])
    return SharedMap(names=old.names + new.names, recording=recording, labels=labels, **both)
