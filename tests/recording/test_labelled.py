"""Traces and movies from pandas, pynapple and xarray; the last two are stood in for by what they offer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from bad_input import refuses

from napari_calcdyn.recording import Movie, Traces

VALUES = np.random.default_rng(0).random((50, 3))  # time in rows
TIMES = 5 + np.arange(50) / 20


class TsdFrame:
    """As pynapple's, which has more."""

    def __init__(self, t: Any, d: Any, columns: Any = ()) -> None:
        self.t, self.values, self.columns, self.time_support = np.asarray(t), d, np.asarray(columns), (0, 1)


class Coordinate:
    def __init__(self, values: Any, **attrs: str) -> None:
        self.values, self.attrs = np.asarray(values), attrs


class DataArray:
    """As xarray's, which has more."""

    def __init__(self, data: Any, dims: tuple[str, ...], **coords: Coordinate) -> None:
        self.data, self.dims, self.coords, self.values = data, dims, coords, data

    def transpose(self, *dims: str) -> DataArray:
        return DataArray(self.data.transpose([self.dims.index(it) for it in dims]), dims, **self.coords)


@pytest.mark.parametrize(
    ("index", "rate"),
    [
        (TIMES, 20),
        (pd.date_range("2026", periods=50, freq="50ms"), 20),
        (pd.timedelta_range(0, periods=50, freq="50ms"), 20),
        (np.arange(50), None),
        ([f"row {it}" for it in range(50)], None),
    ],
)
def test_data_frame(index: Any, rate: float | None) -> None:
    traces = Traces.from_array(pd.DataFrame(VALUES, columns=["a", "b", "t"], index=index))
    np.testing.assert_allclose(traces.values, VALUES.T, rtol=1e-6)
    assert traces.frame_rate == (None if rate is None else pytest.approx(rate))
    assert traces.provenance["cells"] == ["a", "b", "t"]
    assert Traces.from_array(pd.DataFrame(VALUES, columns=[7, 3, 9])).ids.tolist() == [7, 3, 9]
    assert Traces.from_array(pd.DataFrame(VALUES, index=index), frame_rate=3).frame_rate == 3


def test_tsd_frame() -> None:
    traces = Traces.from_array(TsdFrame(TIMES, VALUES, [5, 2, 8]))
    np.testing.assert_allclose(traces.values, VALUES.T, rtol=1e-6)
    assert (traces.frame_rate, traces.ids.tolist()) == (pytest.approx(20), [5, 2, 8])
    frames = np.random.default_rng(1).random((50, 4, 6))
    movie = Movie.from_array(TsdFrame(TIMES, frames))
    assert movie.data is frames
    assert movie.frame_rate == pytest.approx(20)


@pytest.mark.parametrize("turned", [True, False])
def test_data_array(turned: bool) -> None:
    dims = ("time", "unit") if turned else ("unit", "time")
    time, unit = Coordinate(TIMES * 1000, units="ms"), Coordinate(np.array(["x", "y", "z"]))
    traces = Traces.from_array(DataArray(VALUES if turned else VALUES.T, dims, time=time, unit=unit))
    np.testing.assert_allclose(traces.values, VALUES.T, rtol=1e-6)
    assert (traces.frame_rate, traces.provenance["cells"]) == (pytest.approx(20), ["x", "y", "z"])
    frames = np.random.default_rng(1).random((50, 4, 6))
    moved = DataArray(
        np.moveaxis(frames, 0, 2), ("height", "width", "frame"), frame=Coordinate(np.arange(50))
    )
    movie = Movie.from_array(moved)
    np.testing.assert_array_equal(movie.frames(0, 50), frames)
    assert movie.frame_rate is None, "whole numbers count"


def test_what_is_not_clear_is_refused() -> None:
    uneven = np.where(TIMES > 6, TIMES + 0.02, TIMES)
    refuses("are not evenly spaced: resample", Traces.from_array, pd.DataFrame(VALUES, index=uneven))
    assert Traces.from_array(pd.DataFrame(VALUES, index=uneven), frame_rate=20).frame_rate == 20
    refuses("are not evenly spaced", Traces.from_array, TsdFrame(TIMES[::-1], VALUES, [1, 2, 3]))
    text = pd.DataFrame(VALUES).assign(mouse="m1")
    refuses(r"columns without numbers \(mouse\): leave them out", Traces.from_array, text)
    refuses("rename the one of time to time", Traces.from_array, DataArray(VALUES, ("dim_0", "dim_1")))
    refuses(
        "give one of time and one of cells", Traces.from_array, DataArray(VALUES[..., None], ("t", "a", "b"))
    )
    refuses("rename the one of y to y", Movie.from_array, DataArray(VALUES[..., None], ("t", "a", "x")))
    channels = DataArray(np.zeros((5, 2, 4, 4)), ("t", "c", "y", "x"))
    refuses("choose one channel and plane with isel", Movie.from_array, channels)
