"""Tables of traces as spreadsheets, ImageJ and programs save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bad_input import refuses

from damage import damaged
from napari_calcdyn.recording import Traces, open_traces

RANDOM = np.random.default_rng(0)
# Slow activity of 12 cells in 60 samples.
VALUES = np.round(
    np.apply_along_axis(np.convolve, 1, RANDOM.gamma(0.3, 1, (12, 66)), np.exp(-np.arange(7) / 3), "valid"), 3
)


def table(
    path: Path, columns: list[Any], names: list[str] | None = None, between: str = ",", comma: bool = False
) -> Path:
    """Write columns, each of numbers or text."""
    lines = [between.join(names)] if names else []
    for row in zip(*columns, strict=True):
        cells = [str(cell) for cell in row]
        lines.append(between.join(cell.replace(".", ",") if comma else cell for cell in cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def check(traces: Traces, values: np.ndarray[Any, Any] = VALUES, cells_in: str = "columns") -> None:
    np.testing.assert_allclose(traces.values, values.astype(np.float32), rtol=1e-6)
    assert traces.provenance["cells_in"] == cells_in


NAMES = [f"cell {number}" for number in range(12)]
TIMES = [f"{0.05 * sample:.2f}" for sample in range(60)]


def test_names_that_are_numbers(tmp_path: Path) -> None:
    """As pandas writes ROI numbers, with a name of the index or without."""
    for corner in ("time", ""):
        path = table(tmp_path / "a.csv", [TIMES, *VALUES], [corner, *map(str, range(12))])
        traces = open_traces(path)
        check(traces)
        assert traces.provenance["cells"] == [str(number) for number in range(12)]
        assert traces.frame_rate == (pytest.approx(20) if corner else None)
    check(open_traces(table(tmp_path / "b.csv", [TIMES, *VALUES], ["time", *map(str, range(3, 15))])))


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt"])
@pytest.mark.parametrize(("between", "comma"), [(",", False), (";", True), ("\t", True), ("\t", False)])
def test_cells_in_columns_with_names_and_times(
    tmp_path: Path, ending: str, between: str, comma: bool
) -> None:
    path = table(tmp_path / f"a.{ending}", [TIMES, *VALUES], ["Time (s)", *NAMES], between, comma)
    traces = open_traces(path)
    check(traces)
    assert traces.frame_rate == pytest.approx(20)
    assert traces.provenance["cells"] == NAMES
    assert traces.provenance["warnings"] == [
        f"12 cells in the columns of {path.name}, 60 samples in its rows.",
        "Samples are 0.05 apart in its column Time (s).",
    ]
    assert open_traces(path, frame_rate=3).frame_rate == 3


@pytest.mark.parametrize(
    ("name", "rate"),
    [("time_ms", 1 / 5e-5), ("t", 20), ("Time [s]", 20), ("seconds", 20), ("Frame", None), ("", None)],
)
def test_columns_that_count(tmp_path: Path, name: str, rate: float | None) -> None:
    traces = open_traces(table(tmp_path / "a.csv", [TIMES, *VALUES], [name, *NAMES]))
    check(traces)
    assert traces.frame_rate == (rate and pytest.approx(rate))


def test_a_cell_is_not_taken_for_time(tmp_path: Path) -> None:
    rising = np.vstack([np.arange(60.0), VALUES])
    traces = open_traces(table(tmp_path / "a.csv", list(rising), ["tdTomato", *NAMES]))
    check(traces, rising)
    check(open_traces(table(tmp_path / "a.csv", list(VALUES), ["time", *NAMES[1:]]))), "which does not rise"


def test_numbers_alone(tmp_path: Path) -> None:
    check(open_traces(table(tmp_path / "a.csv", list(VALUES)))), "smooth down the table"
    check(open_traces(table(tmp_path / "a.csv", list(VALUES.T))), cells_in="rows")
    check(open_traces(table(tmp_path / "a.csv", list(VALUES[:3]))), VALUES[:3])
    counted = open_traces(table(tmp_path / "a.csv", [range(1, 61), *VALUES]))
    check(counted)
    assert "Its first column counts the samples, and is left out." in counted.provenance["warnings"]
    noise = RANDOM.normal(size=(30, 40))
    check(open_traces(table(tmp_path / "a.csv", list(noise.T))), noise, "rows")


def test_names_in_the_first_column(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [NAMES, *VALUES.T])
    traces = open_traces(path)
    check(traces, cells_in="rows")
    assert traces.provenance["cells"] == NAMES
    path = table(tmp_path / "a.csv", [NAMES, *VALUES.T], ["time (s)", *TIMES])
    traces = open_traces(path)
    check(traces, cells_in="rows")
    assert traces.frame_rate == pytest.approx(20)
    path = table(tmp_path / "a.csv", [NAMES, *VALUES.T], ["roi", *(f"t{at}" for at in range(60))])
    check(open_traces(path), cells_in="rows")


def test_what_pandas_writes(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(VALUES.T).to_csv(tmp_path / "a.csv")
    traces = open_traces(tmp_path / "a.csv")
    check(traces)
    assert traces.provenance["cells"] == [str(number) for number in range(12)]
    pandas.DataFrame(VALUES.T, columns=NAMES).to_csv(
        tmp_path / "a.csv", sep=";", decimal=",", index_label="frame"
    )
    check(open_traces(tmp_path / "a.csv"))


def test_multi_measure_of_imagej(tmp_path: Path) -> None:
    names, columns = [" ", "Label"], [list(range(1, 61)), [f"movie.tif:{at}" for at in range(60)]]
    for number, cell in enumerate(VALUES, 1):
        names += [f"Area{number}", f"Mean{number}", f"Min{number}", f"Max{number}"]
        columns += [[93] * 60, list(cell), list(cell - 1), list(cell + 1)]
    traces = open_traces(table(tmp_path / "Results.csv", columns, names))
    check(traces)
    assert traces.provenance["cells"] == [str(number) for number in range(1, 13)]
    assert "Of the measurements of ImageJ, only the means are taken." in traces.provenance["warnings"]
    assert "1 column of text left out: Label." in traces.provenance["warnings"]
    names = [" ", *(f"Mean(00{number:02}-0234)" for number in range(12))]
    traces = open_traces(table(tmp_path / "Results.csv", [range(1, 61), *VALUES], names, "\t"))
    check(traces)
    assert traces.provenance["cells"][3] == "0003-0234"
    path = table(
        tmp_path / "Results.csv", [range(3), ["a:1", "a:2", "b:1"], [1, 2, 3]], [" ", "Label", "Mean"]
    )
    refuses("a row for each ROI and slice: measure again in ImageJ with One Row per Slice", open_traces, path)
    path = table(tmp_path / "Results.csv", [range(3), [1, 2, 3], [1, 2, 3]], [" ", "Area1", "Area2"])
    refuses("has no mean of each ROI: tick Mean Gray Value", open_traces, path)


def test_where_the_cells_are_can_be_said(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", list(VALUES))
    check(open_traces(path, cells_in="rows"), VALUES.T, "rows")
    check(open_traces(path, cells_in="columns"))
    np.save(tmp_path / "a.npy", VALUES.T)
    np.testing.assert_array_equal(
        open_traces(tmp_path / "a.npy", cells_in="columns").values, VALUES.astype(np.float32)
    )
    refuses("Cells cannot be in cells: choose rows or columns", open_traces, path, cells_in="cells")
    mask = np.ones_like(VALUES)
    mask[3, 7] = 0
    masked = open_traces(path, mask=table(tmp_path / "mask.csv", list(mask.astype(int))), cells_in="columns")
    assert np.argwhere(np.isnan(masked.values)).tolist() == [[3, 7]]


def test_other_codings(tmp_path: Path) -> None:
    path = table(tmp_path / "a.txt", [TIMES, *VALUES], ["Zeit (s)", "Zelle µ", *NAMES[1:]], "\t", True)
    text = path.read_text(encoding="utf-8")
    for coding in ("utf-16", "cp1252", "utf-8-sig"):
        path.write_bytes(text.replace("\n", "\r\n").encode(coding))
        traces = open_traces(path)
        check(traces)
        assert (traces.frame_rate, traces.provenance["cells"][0]) == (pytest.approx(20), "Zelle µ")


def test_damaged_tables_are_refused_or_opened(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [TIMES, *VALUES], ["time", *NAMES])
    assert len(damaged([path], lambda: open_traces(path))) > 50
    path.write_text("a,b\n", encoding="utf-8")
    refuses("a.csv has text in row 1", open_traces, path)
    path.write_text("time,frame\n1,1\n2,2\n", encoding="utf-8")
    refuses("holds no traces besides times", open_traces, path)
    path.write_text("a,b\n1,1\n2\n", encoding="utf-8")
    refuses("has rows of unequal lengths: fill the table", open_traces, path)
