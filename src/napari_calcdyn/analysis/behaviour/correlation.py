"""Correlation of ROIs and latents with behaviour, tested by shifts in time.

Behaviour and activity are both slow: two series that have nothing to do with each other, each with a few ups and
downs, correlate strongly by chance, and a p-value that counts frames as independent is far too small. Here the
behaviour is shifted against the activity, round and round, by every number of frames. A shift leaves each series as
slow as it is and destroys what they have to do with each other. With ``r_k`` the correlations at shift k,

``p_n = #{k = 0 … T − 1 : max_m |r_k,m| ≥ |r_0,n|} / T``

is the share of all shifts at which any of the series goes with the behaviour as much as series n does at shift 0: a
family-wise p-value, of all series together. The unshifted one counts, so that it is never below 1/T.

Bleaching, drift and fatigue make everything correlate with everything over a recording, and no shift undoes that. So
every ``r_k`` is a partial correlation given slow drifts: the mean and the cosines ``cos(π j t / T)``, j = 1 … 4, are
taken off both series, off the behaviour after it was shifted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import Behaviour, InputError, ProgressCallback, report
from napari_calcdyn.recording.behaviour.behaviour import known
from napari_calcdyn.recording.writing import write_table

MOST_VALUES = 12  # of a column of words that is split into truth values
LEAST_SHARED = 20  # frames in which a column and a series are both known
_COSINES = 4
_SERIES_AT_ONCE = 64
_ROUNDING = 1e-18  # part of a series' power
_SMALLEST = 1e-9  # part of a column's power that is left of it without drift


@dataclass(frozen=True, eq=False)
class BehaviourCorrelation:
    """Correlation of each series with each column of the behaviour, and its p-value.

    Attributes
    ----------
    columns : tuple of str
        Names of the C columns.
    ids : ndarray (N,), int64
        Ids of the ROIs, or numbers of the latents.
    correlation : ndarray (C, N), float64
        Over the frames in which both are known, given slow drifts; NaN where one of them does nothing but drift, or too
        little of them is known.
    p_values : ndarray (C, N), float64
        Family-wise, of all series together, for each column by itself.
    """

    columns: tuple[str, ...]
    ids: NDArray[np.int64]
    correlation: NDArray[np.float64]
    p_values: NDArray[np.float64]

    def ranked(self, column: str) -> NDArray[np.intp]:
        """Return the positions of the series by their correlation with a column, strongest first, without NaN."""
        strength = np.abs(self.correlation[self.columns.index(column)])
        order: NDArray[np.intp] = np.argsort(-strength, kind="stable")  # which puts NaN last
        return order[: int(np.isfinite(strength).sum())]

    def write_csv(self, path: str | Path, kind: str = "roi") -> None:
        """Write a table with one row for each column and series.

        Parameters
        ----------
        path : str or Path
            Replaced, in one step.
        kind : str
            What the series are: the name of the column of their ids.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        table: list[list[object]] = [["behaviour", kind, "correlation", "p_value"]]
        for place, column in enumerate(self.columns):
            for at in self.ranked(column).tolist():
                r, p = self.correlation[place, at], self.p_values[place, at]
                table.append([column, self.ids[at], f"{r:.6g}", f"{p:.6g}"])
        write_table(Path(path), table)


def numeric_columns(behaviour: Behaviour) -> dict[str, NDArray[np.float64]]:
    """Turn a behaviour into columns of numbers that can be correlated.

    Parameters
    ----------
    behaviour : Behaviour
        Of a recording of T frames.

    Returns
    -------
    dict of str to ndarray (T,), float64
        Numbers as they are, truth values as 0 and 1, and for each value of a column of words a column named
        ``"column = value"`` of 0 and 1; NaN where unknown. Columns of more than 12 different words are left out.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for name, column in behaviour.columns.items():
        if column.dtype.kind != "U":
            found[name] = column.astype(np.float64)
            continue
        there = known(column)
        values = np.unique(column[there])
        if len(values) <= MOST_VALUES:
            for value in values.tolist():
                found[f"{name} = {value}"] = np.where(there, column == value, np.nan)
    return found


def correlate_behaviour(
    columns: dict[str, NDArray[np.float64]],
    series: NDArray[np.floating],
    ids: NDArray[np.int64],
    *,
    progress: ProgressCallback | None = None,
) -> BehaviourCorrelation:
    """Correlate behaviour with activity, and test it by shifts in time.

    Parameters
    ----------
    columns : dict of str to ndarray (T,), float64
        What the animal did, as from `numeric_columns`; NaN where unknown.
    series : ndarray (T, N)
        Activity in time order, such as traces or latents; NaN where unknown.
    ids : ndarray (N,), int64
        What to call the series.
    progress : callable or None
        Called with parts of the work done and in all; returns True to stop.

    Returns
    -------
    BehaviourCorrelation
        In the order of `columns` and `ids`.

    Raises
    ------
    InputError
        If there is nothing to correlate, or the columns have another number of frames than the series.
    Cancelled
        If `progress` asked to stop.
    """
    frames, count = series.shape
    if not columns or not count:
        raise InputError(
            "There is nothing to correlate: a table of the behaviour with a column of numbers, truth values or a few"
            " words is needed, and ROIs or a model."
        )
    for name, column in columns.items():
        if len(column) != frames:
            raise InputError(
                f"The column {name} has {len(column)} frames and the activity {frames}: open the table again for this"
                " recording."
            )
    shape = len(columns), count
    correlation, reached = np.full(shape, np.nan), np.full(shape, np.nan)
    largest = np.zeros((len(columns), frames))
    drifts = _drifts(frames)
    behaviours = [_Shifted(column, drifts) for column in columns.values()]
    done, total = 0, len(columns) * count
    for start in range(0, count, _SERIES_AT_ONCE):
        some = np.asarray(series[:, start : start + _SERIES_AT_ONCE], np.float64)
        spectrum = np.fft.rfft(_unit(some, drifts), axis=0)
        for place, (column, behaviour) in enumerate(zip(columns.values(), behaviours, strict=True)):
            shifted = behaviour.correlate(spectrum)
            these = slice(start, start + some.shape[1])
            correlation[place, these] = _unshifted(column, some, drifts)
            reached[place, these] = shifted[0]
            shifted[:, np.isnan(correlation[place, these])] = 0
            largest[place] = np.maximum(largest[place], shifted.max(1))
            done += some.shape[1]
            report(progress, done, total)
    # A little less, so that equal shifts of a periodic behaviour count as equal despite rounding.
    below = [
        np.searchsorted(np.sort(null), it * (1 - 1e-9)) for null, it in zip(largest, reached, strict=True)
    ]
    p_values = np.where(np.isfinite(correlation), 1 - np.array(below) / frames, np.nan)
    return BehaviourCorrelation(tuple(columns), np.asarray(ids, np.int64), correlation, p_values)


def _drifts(frames: int) -> NDArray[np.float64]:
    """Return orthonormal slow cosines and a constant, (T, 5)."""
    phase = np.pi * (np.arange(frames) + 0.5) / frames
    drifts = np.cos(phase[:, None] * np.arange(_COSINES + 1))
    drifts /= np.linalg.norm(drifts, axis=0)
    return drifts


def _less_drift(series: NDArray[np.float64], drifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return series (n, k) less the drifts (n, 5) that fit them best; zero where that leaves only rounding."""
    left: NDArray[np.float64] = series - drifts @ np.linalg.lstsq(drifts, series, rcond=None)[0]
    left[:, np.square(left).sum(0) <= _ROUNDING * np.square(series).sum(0)] = 0
    return left


def _unit(series: NDArray[np.float64], drifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return series (T, n) less their drifts, of norm 1, or 0 where they do nothing else."""
    filled = np.zeros_like(series)
    for there, these in _known_together(np.isfinite(series)):
        at = np.ix_(there, these)
        filled[at] = _less_drift(series[at], drifts[there])
    norm = np.linalg.norm(filled, axis=0)
    np.divide(filled, norm, out=filled, where=norm > 0)
    return filled


def _unshifted(
    column: NDArray[np.float64], series: NDArray[np.float64], drifts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the correlations of a column (T,) with series (T, n) over the frames in which both are known."""
    there = np.isfinite(column)[:, None] & np.isfinite(series)
    found = np.full(series.shape[1], np.nan)
    for both, these in _known_together(there):
        pair = _less_drift(np.column_stack([column[both], series[np.ix_(both, these)]]), drifts[both])
        norm = np.linalg.norm(pair, axis=0)
        power = norm[0] * norm[1:]
        changing = power > 0
        found[these[changing]] = np.clip((pair[:, 0] @ pair[:, 1:])[changing] / power[changing], -1, 1)
    return found


def _known_together(there: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Group series (T, n) by the frames in which they are known; yield frames and series where they suffice."""
    alike: dict[bytes, list[int]] = {}
    for place, packed in enumerate(np.packbits(there, axis=0).T):
        alike.setdefault(packed.tobytes(), []).append(place)
    for places in alike.values():
        frames = np.flatnonzero(there[:, places[0]])
        if len(frames) >= LEAST_SHARED:
            yield frames, np.array(places)


class _Shifted:
    """A column (T,) at all shifts; its mean stands in where it is unknown."""

    def __init__(self, column: NDArray[np.float64], drifts: NDArray[np.float64]) -> None:
        there = np.isfinite(column)
        filled = np.zeros_like(column)
        if there.any():
            filled[there] = column[there] - column[there].mean()
        self._frames = len(column)
        self._spectrum = np.conj(np.fft.rfft(filled))[:, None]
        power = float(filled @ filled)
        drift = self._products(np.fft.rfft(drifts, axis=0))
        left = power - np.square(drift).sum(1)  # of the shifted column, less its drift
        self._norm = np.sqrt(np.where(left > _SMALLEST * power, left, np.inf))[:, None]

    def _products(self, spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
        products: NDArray[np.float64] = np.fft.irfft(self._spectrum * spectrum, self._frames, axis=0)
        return products

    def correlate(self, spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return how strongly series go with the column at each shift, (T, n).

        Of the series, which have norm 1 and no drift, the Fourier transform is given.
        """
        return np.abs(self._products(spectrum)) / self._norm
