"""Tables in workbooks of Excel: traces, behaviour and columns, whole and damaged."""

from __future__ import annotations

import datetime
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from bad_input import refuses

from damage import TIMES, damaged
from napari_calcdyn.recording import open_behaviour, open_traces
from napari_calcdyn.recording.traces.columns import open_columns

SHEET = "xl/worksheets/sheet1.xml"
VALUES = np.round(np.random.default_rng(0).random((5, 40)), 4)


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("notes").append(["something else"])
    book.save(path)
    return path


def traces_book(path: Path) -> Path:
    rows = [[at / 20, *column] for at, column in enumerate(VALUES.T.tolist())]
    return workbook(path, [["time", *(f"cell {it}" for it in range(5))], *rows])


def changed(path: Path, change: Callable[[bytes], bytes], part: str = SHEET) -> Path:
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, change(content) if name == part else content)
    return path


def test_traces_behaviour_and_columns(tmp_path: Path) -> None:
    traces = open_traces(traces_book(tmp_path / "a.xlsx"))
    np.testing.assert_allclose(traces.values, VALUES.astype(np.float32), rtol=1e-6)
    assert traces.frame_rate == pytest.approx(20)
    assert traces.provenance["cells"] == [f"cell {it}" for it in range(5)]
    start = datetime.datetime(2026, 1, 1, 10)
    rows = [[start + datetime.timedelta(seconds=at / 10), at, at > 3, "left"] for at in range(8)]
    path = workbook(tmp_path / "b.xlsx", [["timestamp", "speed", "licks", "side"], *rows, [None] * 4])
    behaviour = open_behaviour(path, 8, frame_rate=10.0).columns
    np.testing.assert_allclose(behaviour["speed"], np.arange(8), atol=1e-3)
    assert behaviour["licks"].tolist() == [False] * 4 + [True] * 4
    assert set(behaviour["side"]) == {"left"}
    path = workbook(tmp_path / "c.xlsx", [["roi_id", "depth"], [7, 1.5], [3, None]])
    np.testing.assert_array_equal(open_columns(path, np.array([3, 7]))["depth"], [np.nan, 1.5])


def test_formulas_count_with_what_excel_saved(tmp_path: Path) -> None:
    path = traces_book(tmp_path / "a.xlsx")
    first = f"<v>{VALUES[0, 0]:g}</v>".encode()
    saved = changed(path, lambda it: it.replace(first, b'<f>WEBSERVICE("http://x")</f><v>7</v>', 1))
    assert open_traces(saved).values[0, 0] == 7


def test_nothing_is_believed(tmp_path: Path) -> None:
    announced, far, laughs, zeros = (tmp_path / name / "a.xlsx" for name in ("1", "2", "3", "4"))
    for path in (announced, far, laughs, zeros):
        path.parent.mkdir()
        traces_book(path)
    changed(announced, lambda it: it.replace(b'ref="A1:F41"', b'ref="A1:XFD1048576"'))
    changed(far, lambda it: it.replace(b'r="F41"', b'r="XFD41"'))
    entities = b"<!DOCTYPE a [<!ENTITY a 'ha'>" + b"".join(
        f"<!ENTITY {chr(98 + it)} '{f'&{chr(97 + it)};' * 30}'>".encode() for it in range(12)
    )
    changed(laughs, lambda it: entities + b"]>" + it.replace(b"<v>0.05</v>", b"<v>&m;</v>", 1))
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as book, book.open(SHEET, "w") as sheet:
        for _ in range(2**8 + 1):
            sheet.write(bytes(2**20))

    def open_all() -> None:
        assert open_traces(announced).values.shape == (5, 40)
        assert open_traces(far).samples == 40
        refuses("a.xlsx is no workbook", open_traces, laughs)
        refuses("a.xlsx is too large for a workbook", open_traces, zeros)

    start = time.process_time()
    open_all()
    assert time.process_time() - start < 6
    tracemalloc.start()
    try:
        open_all()
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()
    path = announced
    for content in (b"", b"PK", b"time,a\n1,2\n"):
        path.write_bytes(content)
        refuses("a.xlsx is no workbook of Excel", open_traces, path)


def test_without_openpyxl_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = traces_book(tmp_path / "a.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    refuses(r'read with openpyxl: pip install "napari-calcdyn\[formats\]", or save', open_traces, path)


@pytest.mark.parametrize("inside", [True, False])
def test_damaged_workbooks_are_refused_or_opened(tmp_path: Path, inside: bool) -> None:
    path = workbook(tmp_path / "a.xlsx", [["time", "a", "b"], *([at / 9, at, -at] for at in range(9))])

    def in_a_part(whole: bytes, random: np.random.Generator) -> bytes:
        def change(content: bytes) -> bytes:
            data = bytearray(content)
            for at in random.integers(0, len(data), 3):
                data[at] = random.integers(32, 127)
            return bytes(data)

        other = path.with_name("b.xlsx")
        other.write_bytes(whole)
        part = (SHEET, SHEET, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml")[random.integers(5)]
        return changed(other, change, part).read_bytes()

    how = {"damage": in_a_part} if inside else {}
    damaged([path], lambda: open_traces(path), times=TIMES // 2, **how)
