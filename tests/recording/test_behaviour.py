"""What the animal did, brought to the frames of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn.recording import InputError, open_behaviour
from napari_calcdyn.recording.behaviour.behaviour import averaged, known, where
from napari_calcdyn.recording.ranges import stretches


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "behaviour.csv"


def test_a_row_for_each_frame(table: Path) -> None:
    table.write_text("speed,licking,where\n1.5,True,left\n,False,left\n-2,False,\n", encoding="utf-8")
    behaviour = open_behaviour(table, 3)
    assert behaviour.name == "behaviour.csv"
    assert list(behaviour.columns) == ["speed", "licking", "where"]
    np.testing.assert_array_equal(behaviour.columns["speed"], [1.5, np.nan, -2])
    assert behaviour.columns["licking"].tolist() == [True, False, False]
    assert behaviour.columns["where"].tolist() == ["left", "left", ""]
    assert known(behaviour.columns["speed"]).tolist() == [True, False, True]
    assert known(behaviour.columns["where"]).tolist() == [True, True, False]
    assert known(behaviour.columns["licking"]).all()


def test_rows_with_times_are_brought_to_the_frames(table: Path) -> None:
    # At 10 Hz, frames are at 0, 0.1, …, 0.7 s.
    rows = ["0.1,0,,left", "0.3,4,True,left", "0.5,,True,right", "0.62,10,False,right"]
    table.write_text("\n".join(["Time,speed,licking,where", *rows]), encoding="utf-8")
    behaviour = open_behaviour(table, 8, frame_rate=10.0)
    assert "Time" not in behaviour.columns
    speed = behaviour.columns["speed"]
    # Frame 0 is before the first row; frames 4 and 5 are nearest to, or on, the blank one; 7 is behind the last.
    np.testing.assert_allclose(speed, [np.nan, 0, 2, 4, np.nan, np.nan, 10 - 6 * 0.02 / 0.32, np.nan])
    assert behaviour.columns["where"].tolist() == ["", *["left"] * 4, *["right"] * 3]
    # A blank makes truth values text, as in the other tables.
    assert behaviour.columns["licking"].tolist() == ["", "", "", "True", "True", "True", "False", "False"]


def test_truth_values_that_start_late_are_not_taken_as_false_before(table: Path) -> None:
    table.write_text("t,running\n0.2,False\n0.3,True\n", encoding="utf-8")
    running = open_behaviour(table, 4, frame_rate=10.0).columns["running"]
    assert running.tolist() == ["", "", "False", "True"]
    np.testing.assert_array_equal(where(running, value="true"), [False, False, False, True])
    np.testing.assert_array_equal(known(running), [False, False, True, True])


def test_times_written_with_few_digits_are_those_of_their_frames(table: Path) -> None:
    times = np.arange(200) / 30.03
    words = [f"{time:.3f},{number},{'a' if number % 2 else 'b'}" for number, time in enumerate(times)]
    table.write_text("\n".join(["time_s,number,word", *words]), encoding="utf-8")
    columns = open_behaviour(table, 200, frame_rate=30.03).columns
    np.testing.assert_allclose(columns["number"], np.arange(200), atol=0.02)
    assert columns["word"].tolist() == ["b", "a"] * 100


def test_without_a_frame_rate_a_row_for_each_frame_needs_no_times(table: Path) -> None:
    table.write_text("timestamp,speed\n100,1\n101,2\n", encoding="utf-8")
    np.testing.assert_array_equal(open_behaviour(table, 2).columns["speed"], [1, 2])


@pytest.mark.parametrize("zone", ["Z", "", "+02:00"])
@pytest.mark.parametrize("name", ["timestamp", "DateTime"])
def test_dates_and_times_begin_with_the_first_frame(table: Path, zone: str, name: str) -> None:
    rows = [f"2026-01-01T23:59:{59 + 0.05 * at:06.3f}{zone},{at}" for at in range(20)]
    rows += [f"2026-01-02T00:00:{0.05 * at:06.3f}{zone},{at + 20}" for at in range(20)]
    table.write_text("\n".join([f"{name},number", *rows]), encoding="utf-8")
    number = open_behaviour(table, 20, frame_rate=10.0).columns["number"]
    np.testing.assert_allclose(number, np.arange(20) * 2, atol=1e-6)


def test_dates_of_several_time_zones(table: Path) -> None:
    table.write_text("time,n\n2026-01-01T10:00:00Z,0\n2026-01-01 12:00:01+02:00,1\n", encoding="utf-8")
    np.testing.assert_allclose(open_behaviour(table, 3, frame_rate=2.0).columns["n"], [0, 0.5, 1])


@pytest.mark.parametrize(
    ("content", "rate", "words"),
    [
        ("speed\n1\n2\n", None, "has 2 rows for 3 frames: give one row for each frame, or a column time"),
        ("time,speed\n0,1\n1,2\n", None, "enter the frame rate"),
        ("time,speed\n0,1\n0.2,2\n0.1,2\n", 10.0, "go back in row 3"),
        ("time,speed\n0,1\nnoon,2\n", 10.0, "something else than times"),
        ("time,speed\n0,1\n,2\n", 10.0, "something else than times"),
        ("time,speed\n50,1\n60,2\n", 10.0, "from 50 to 60 s and the recording from 0 to 0.2 s"),
        ("time,n\n2026-01-01T10:00Z,1\n2026-01-01T10:01,2\n", 10.0, "have a time zone and others none"),
        ("time,n\n2026-01-01T10:00,1\n2026-13-01T10:01,2\n", 10.0, "something else than times"),
        ("time,n\n2026-01-01T10:00:01,1\n2026-01-01T10:00:00,2\n", 10.0, "go back in row 2"),
        ("time\n0\n0.1\n", 10.0, "no column with a name, apart from time"),
        ("speed\n", None, "is no table"),
    ],
)
def test_other_tables_are_refused_in_one_sentence(
    table: Path, content: str, rate: float | None, words: str
) -> None:
    table.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words) as error:
        open_behaviour(table, 3, frame_rate=rate)
    assert str(error.value).endswith(".")


def test_where_a_column_holds() -> None:
    speed = np.array([0, 3, np.nan, 5])
    assert where(speed, above=2).tolist() == [False, True, False, True]
    assert where(speed, value="3").tolist() == [False, True, False, False]
    assert where(np.array([True, False]), value="False").tolist() == [False, True]
    assert where(np.array([True, False]), above=0.5).tolist() == [True, False]
    assert where(np.array(["Run", "rest"]), value=" run").tolist() == [True, False]
    for wrong in ({}, {"above": 1.0, "value": "1"}, {"value": "run"}):
        with pytest.raises(InputError, match=r"\.$"):
            where(speed, **wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="choose one of its values"):
        where(np.array(["run"]), above=1.0)


def test_stretches_of_consecutive_frames() -> None:
    mask = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1], bool)
    assert stretches(mask) == [range(2), range(3, 4), range(6, 9)]
    assert stretches(mask, 2) == [range(2), range(6, 9)]
    assert stretches(~mask) == [range(2, 3), range(4, 6)]
    assert stretches(np.zeros(4, bool)) == []
    assert sum(map(len, stretches(np.ones(4, bool)))) == 4


def test_the_running_mouse(data_folder: Path) -> None:
    behaviour = open_behaviour(data_folder / "mouse" / "behaviour.csv", 500)
    assert list(behaviour.columns) == ["runningSpeed", "corridorPosition"]
    running = where(behaviour.columns["runningSpeed"], above=5)
    assert sum(map(len, stretches(running))) == running.sum() > 0


def test_a_column_is_averaged_around_every_frame() -> None:
    column = np.array([0.0, 0, 6, 0, 0, 3])
    assert np.allclose(averaged(column, 3), [0, 2, 2, 2, 1, 2])
    assert np.array_equal(averaged(column, 1), column)
    assert len(averaged(column, 4)) == 6
    column[5] = np.nan
    assert np.isnan(averaged(column, 3)).tolist() == [False] * 4 + [True] * 2
