"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_input import refuses

from napari_calcdyn.recording.writing import replacing, write_table, writing


def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    for text in ("first", "second"):
        before = file.read_text() if file.exists() else None
        with replacing(file) as beside:
            assert beside.suffix == ".csv"
            beside.write_text(text)
            assert (file.read_text() if file.exists() else None) == before
        assert file.read_text() == text
        assert list(tmp_path.iterdir()) == [file]


def test_an_interruption_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("before")

    def interrupted() -> None:
        with replacing(file) as beside:
            beside.write_text("hal")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    def write() -> None:
        with writing(tmp_path / "nowhere"), replacing(tmp_path / "nowhere" / "table.csv") as beside:
            beside.write_text("text")

    refuses(r"nowhere cannot be written \(No such file or directory\): choose another one", write)


def test_a_table_has_its_names_first_and_one_kind_of_line_end(tmp_path: Path) -> None:
    write_table(tmp_path / "table.csv", [["roi", "name"], [1, "a, b"], [2, ""]])
    assert (tmp_path / "table.csv").read_bytes() == b'roi,name\n1,"a, b"\n2,\n'
    refuses("nowhere cannot be written", write_table, tmp_path / "nowhere" / "table.csv", [])
