"""Which ROIs and which latents go with what the animal did.

Behaviour and activity are both slow: two series that have nothing to do with each other, each with a few ups and
downs, correlate strongly by chance, and a p-value that counts frames as independent is far too small. Here the
behaviour is shifted against the activity, round and round, by every number of frames. A shift leaves each series as
slow as it is and destroys what they have to do with each other. With ``r_k`` the correlations at shift k,

``p_n = #{k = 0 … T − 1 : max_m |r_k,m| ≥ |r_0,n|} / T``

is the share of all shifts at which any of the series goes with the behaviour as much as series n does at shift 0: a
family-wise p-value, of all series together. The unshifted one counts, so that it is never below 1/T.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..recording import Behaviour, InputError, ProgressCallback, report
from ..recording.behaviour import known
from ..recording.writing import replacing, writing

MOST_VALUES = 12  # of a column of words that is split into truth values
LEAST_SHARED = 20  # frames in which a column and a series are both known
_SERIES_AT_ONCE = 32
_SMALLEST = 1e-10  # variance against that of the unshifted series: less is constant


@dataclass(frozen=True, eq=False)
class BehaviourCorrelation:
    """How much each series goes with each column.

    Attributes
    ----------
    columns : tuple of str
        Names of the C columns.
    ids : ndarray (N,), int64
        Ids of the ROIs, or numbers of the latents.
    correlation : ndarray (C, N), float64
        Pearson's r over the frames in which both are known, after a straight line was taken off both; NaN where one of
        them does not change or too little of them is known.
    p_values : ndarray (C, N), float64
        Family-wise, of all series together, for each column by itself.
    """

    columns: tuple[str, ...]
    ids: NDArray[np.int64]
    correlation: NDArray[np.float64]
    p_values: NDArray[np.float64]

    def ranked(self, column: str) -> NDArray[np.intp]:
        """Return the positions of the series, those that go most with a column first, without the unknown ones."""
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
        path = Path(path)
        with (
            writing(path.parent),
            replacing(path) as beside,
            beside.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.writer(file)
            table.writerow(["behaviour", kind, "correlation", "p_value"])
            for place, column in enumerate(self.columns):
                for at in self.ranked(column).tolist():
                    r, p = self.correlation[place, at], self.p_values[place, at]
                    table.writerow([column, self.ids[at], f"{r:.6g}", f"{p:.6g}"])


def numeric_columns(behaviour: Behaviour) -> dict[str, NDArray[np.float64]]:
    """Return what of a behaviour can be correlated.

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
    """Correlate what the animal did with activity, and test it by shifts in time.

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
    correlation, largest = np.full(shape, np.nan), np.zeros((len(columns), frames))
    behaviours = [_Spectra.of(column[:, None]) for column in columns.values()]
    done, total = 0, len(columns) * count
    for start in range(0, count, _SERIES_AT_ONCE):
        some = _Spectra.of(np.asarray(series[:, start : start + _SERIES_AT_ONCE], np.float64))
        for place, behaviour in enumerate(behaviours):
            shifted = behaviour.correlate(some)
            correlation[place, start : start + shifted.shape[1]] = shifted[0]
            largest[place] = np.fmax(largest[place], np.fmax.reduce(np.abs(shifted), axis=1))
            done += shifted.shape[1]
            report(progress, done, total)
    p_values = np.full(shape, np.nan)
    for place, null in enumerate(largest):
        there = np.isfinite(correlation[place])
        # A hair's breadth less, so that rounding never takes the unshifted one away from itself.
        reached = np.abs(correlation[place, there]) * (1 - 1e-9)
        p_values[place, there] = 1 - np.searchsorted(np.sort(null), reached, side="left") / frames
    return BehaviourCorrelation(tuple(columns), np.asarray(ids, np.int64), correlation, p_values)


@dataclass(frozen=True, eq=False)
class _Spectra:
    """Fourier transforms of series (T, n), less a straight line, of their squares, and of where they are known."""

    frames: int
    there: NDArray[Any]
    value: NDArray[Any]
    square: NDArray[Any]

    @classmethod
    def of(cls, series: NDArray[np.float64]) -> _Spectra:
        there = np.isfinite(series)
        count = np.maximum(there.sum(0), 1)
        value = np.where(there, series, 0.0)
        value = np.where(there, value - value.sum(0) / count, 0.0)
        time = np.where(there, np.linspace(-1, 1, len(series))[:, None], 0.0)
        time = np.where(there, time - time.sum(0) / count, 0.0)
        before = np.square(value).sum(0)
        value -= time * (time * value).sum(0) / np.maximum(np.square(time).sum(0), 1e-300)
        spread = np.sqrt(np.square(value).sum(0) / count)
        # A straight line leaves nothing but rounding.
        value = np.divide(value, spread, out=np.zeros_like(value), where=spread**2 * count > 1e-18 * before)
        parts = (np.fft.rfft(it, axis=0) for it in (there.astype(float), value, np.square(value)))
        return cls(len(series), *parts)

    def correlate(self, other: _Spectra) -> NDArray[np.float64]:
        """Return Pearson's r of this one series, shifted by 0 … T − 1 frames, with each other one, (T, n)."""

        def product(mine: NDArray[Any], its: NDArray[Any]) -> NDArray[np.float64]:
            summed: NDArray[np.float64] = np.fft.irfft(np.conj(mine) * its, self.frames, axis=0)
            return summed

        count = np.maximum(product(self.there, other.there), 1e-9)
        mine, its = product(self.value, other.there), product(self.there, other.value)
        both = product(self.value, other.value) - mine * its / count
        power = product(self.square, other.there) - mine**2 / count
        its_power = product(self.there, other.square) - its**2 / count
        enough = np.rint(count) >= LEAST_SHARED
        varying = np.minimum(power, its_power) > _SMALLEST * self.frames
        r = np.full(both.shape, np.nan)
        where = enough & varying
        r[where] = np.clip(both[where] / np.sqrt(power[where] * its_power[where]), -1, 1)
        return r
