"""Traces: the fluorescence of every ROI over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording.errors import InputError, size_text
from napari_calcdyn.recording.movies.labelled import labelled_traces

CONSTANT, EMPTY = "constant", "no valid samples"
PARTS = "parts"
"""In the provenance of traces from recordings that were joined: first sample of each, and the one after its last."""


@dataclass(frozen=True, eq=False)
class Traces:
    """One trace for each ROI; `problems` says of each why it cannot be used.

    Parameters
    ----------
    values : ndarray of shape (N, T), float32
        Samples; NaN where one is missing. Infinite ones become NaN. Not copied where it is float32 already.
    ids : ndarray of shape (N,), int64
        ROI numbers, all different.
    frame_rate : float or None
        Samples per second (Hz).
    unit : str
        "fluorescence" (arbitrary units) or "ΔF/F".
    name : str
        What to call them in messages and plots.
    provenance : mapping
        How they were made, of texts, numbers, lists and mappings, so that it can be written as JSON;
        ``provenance["warnings"]`` lists what the user should know.

    Raises
    ------
    InputError
        If there are no traces, they are no numbers, or the ids do not match them.
    """

    values: NDArray[np.float32]
    ids: NDArray[np.int64]
    frame_rate: float | None = None
    unit: str = "fluorescence"
    name: str = "traces"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the parts and bring them into their dtypes."""
        values, ids = np.asarray(self.values), np.asarray(self.ids)
        check_trace_array(self.name, values)
        if ids.shape != (len(values),):
            raise InputError(
                f"{self.name} has {len(values)} traces but {ids.size} ids: give one id per trace."
            )
        if len(np.unique(ids)) < len(ids):
            raise InputError(f"{self.name} has the same id for two traces: number them differently.")
        if self.frame_rate is not None and not (np.isfinite(self.frame_rate) and self.frame_rate > 0):
            raise InputError(f"A frame rate of {self.frame_rate} Hz is not possible: give a positive number.")
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and so missing
            values = values.astype(np.float32, copy=False)
        infinite = np.isinf(values)
        if infinite.any():
            values = np.where(infinite, np.float32(np.nan), values)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ids", ids.astype(np.int64))

    @classmethod
    def from_array(
        cls,
        array: ArrayLike | Sequence[ArrayLike],
        *,
        mask: ArrayLike | None = None,
        frame_rate: float | None = None,
        name: str = "traces",
        provenance: Mapping[str, Any] | None = None,
    ) -> Traces:
        """Take traces from an array, from a table with labels, or from a list whose lengths may differ with a mask.

        Parameters
        ----------
        array : array_like of shape (N, T), sequence of N array_like, or a table with labels
            Numbers; NaN where a sample is missing. Shorter traces of a list are filled up with NaN. A
            ``pandas.DataFrame`` or ``pynapple.TsdFrame`` has time in rows, (T, N), and an ``xarray.DataArray`` an axis
            called time.
        mask : array_like of shape (N, T) or None
            True where a sample is valid.
        frame_rate : float or None
            Samples per second (Hz); None takes it from the times of a table, in seconds, dates or durations. Whole
            numbers only count.
        name : str
            What to call them in messages.
        provenance : mapping or None
            See `Traces`.

        Returns
        -------
        Traces
            With the ids 0 to N - 1, or the names of a table's traces where these are different whole numbers. Other
            names are in the provenance (``cells``).

        Raises
        ------
        InputError
            If they are no numbers, lengths differ and there is no mask, the mask does not fit, or times are not even.
        """
        about = dict(provenance or {})
        labelled = labelled_traces(name, array, rate_is_given=frame_rate is not None)
        if labelled is not None:
            array, frame_rate = labelled.values, frame_rate or labelled.frame_rate
        values = _rectangle(name, array, masked=mask is not None)
        ids = np.arange(len(values))
        if labelled is not None and len(set(labelled.names)) == len(values):
            if all(isinstance(it, int) and abs(it) < 2**62 for it in labelled.names):
                ids = np.array(labelled.names, np.int64)
            else:
                about.setdefault("cells", [str(it) for it in labelled.names])
        traces = cls(values, ids, frame_rate=frame_rate, name=name, provenance=about)
        return traces if mask is None else traces.masked(mask)

    def __len__(self) -> int:
        """Return the number of traces."""
        return len(self.ids)

    def __repr__(self) -> str:
        """Name, shape and unit."""
        return f"Traces({self.name!r}, shape={self.values.shape}, unit={self.unit!r})"

    @property
    def samples(self) -> int:
        """Samples of each trace, missing ones included."""
        return int(self.values.shape[1])

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """True where a sample is valid, (N, T)."""
        return np.isfinite(self.values)

    @cached_property
    def problems(self) -> tuple[str | None, ...]:
        """Why a trace cannot be used, "constant" or "no valid samples"; None where it can."""
        low = np.min(self.values, axis=1, initial=np.inf, where=self.mask)
        high = np.max(self.values, axis=1, initial=-np.inf, where=self.mask)
        return tuple(
            EMPTY if least > most else CONSTANT if least == most else None
            for least, most in zip(low, high, strict=True)
        )

    @property
    def usable(self) -> NDArray[np.bool_]:
        """True where a trace has no problem, (N,)."""
        return np.array([problem is None for problem in self.problems])

    def masked(self, mask: ArrayLike) -> Traces:
        """Declare samples missing.

        Parameters
        ----------
        mask : array_like of shape (N, T)
            True (1) where a sample is valid.

        Returns
        -------
        Traces
            With NaN elsewhere.

        Raises
        ------
        InputError
            If the mask has another shape or other values.
        """
        try:
            valid = np.asarray(mask)
        except ValueError as error:
            raise InputError(
                "The rows of the mask differ in length: give as many as there are samples."
            ) from error
        if valid.shape != self.values.shape or not np.isin(valid, (0, 1)).all():
            raise InputError(
                f"The mask for {self.name} must be {size_text(self.values.shape)}, True (1) where a sample is valid"
                f" and False (0) elsewhere: it is {size_text(valid.shape)} of type {valid.dtype}."
            )
        return replace(self, values=np.where(valid.astype(bool), self.values, np.float32(np.nan)))

    def select(self, which: ArrayLike) -> Traces:
        """Keep some of the traces, with their ids.

        Parameters
        ----------
        which : array_like of bool, shape (N,), or of int
            Which to keep, or their positions.

        Returns
        -------
        Traces
            Those, in the order given.

        Raises
        ------
        InputError
            If none is left.
        """
        index = np.asarray(which)
        if not (index.any() if index.dtype == bool else index.size):
            raise InputError(f"No trace of {self.name} is left: choose at least one.")
        return replace(self, values=self.values[index], ids=self.ids[index])


def check_trace_array(name: str, array: NDArray[Any]) -> None:
    """Raise InputError if an array is no table of numbers with a trace in each row.

    Parameters
    ----------
    name : str
        What to call it in the message.
    array : ndarray
        Expected (N, T), integer or floating point.

    Raises
    ------
    InputError
        With the reason.
    """
    if array.ndim != 2:
        axes = f"{array.ndim} axis" if array.ndim == 1 else f"{array.ndim} axes"
        raise InputError(
            f"{name} has {axes} ({size_text(array.shape)}), but traces have two: save them as neurons × samples."
        )
    if array.dtype.kind not in "uif":
        what = {"b": "true/false values", "c": "complex numbers"}.get(array.dtype.kind, "something else")
        raise InputError(f"{name} holds {what}: save the traces as integers or floating point numbers.")
    if 0 in array.shape:
        raise InputError(f"{name} holds no traces ({size_text(array.shape)}): save it again.")


def _rectangle(name: str, array: Any, *, masked: bool) -> NDArray[Any]:
    """Return the traces as one table, unequal ones filled up with NaN."""
    if isinstance(array, np.ndarray) and array.dtype != object:
        check_trace_array(name, array)
        return array
    try:
        rows = [np.asarray(row) for row in array]
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is no list of traces: save an array of neurons × samples.") from error
    for row in rows:
        if row.ndim != 1 or row.dtype.kind not in "uif":
            raise InputError(f"{name} holds something that is no trace: save an array of neurons × samples.")
    lengths = [len(row) for row in rows]
    if len(set(lengths)) > 1 and not masked:
        raise InputError(
            f"{name} has traces of unequal lengths ({min(lengths):,} to {max(lengths):,} samples): fill the "
            "shorter ones up with NaN, or give a mask that is True where a sample is valid."
        )
    table = np.full((len(rows), max(lengths, default=0)), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    check_trace_array(name, table)
    return table
