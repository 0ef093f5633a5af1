"""Tables of what is known about each neuron."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.traces.columns import open_columns

IDS = np.array([7, 3, 5])


def test_rows_in_order_become_typed_columns(tmp_path: Path) -> None:
    path = tmp_path / "neurons.csv"
    path.write_text("type, excitatory, depth\nRS,True,1.5\nIB,False,\nRS,True,-3\n", encoding="utf-8")
    columns = open_columns(path, IDS)
    assert columns["type"].tolist() == ["RS", "IB", "RS"]
    assert columns["excitatory"].dtype == bool
    assert columns["excitatory"].tolist() == [True, False, True]
    np.testing.assert_array_equal(columns["depth"], [1.5, np.nan, -3])


def test_rows_are_matched_by_roi_id_where_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("roi_id;type\n3;b\n9;x\n5;c\n7;a\n", encoding="utf-8")
    assert {name: list(cells) for name, cells in open_columns(path, IDS).items()} == {"type": ["a", "b", "c"]}


def test_where_semicolons_separate_numbers_may_have_a_comma(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("depth;layer\n1,5;2,3\n;2,3\n-3;4\n", encoding="utf-8")
    columns = open_columns(path, IDS)
    np.testing.assert_array_equal(columns["depth"], [1.5, np.nan, -3])
    np.testing.assert_array_equal(columns["layer"], [2.3, 2.3, 4])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"type\nRS\nIB\n", "has 2 rows for 3 neurons"),
        (b"roi_id,type\n3,b\n5,c\n", "no row for ROI 7"),
        (b"roi_id,type\n3,b\n5,c\nseven,a\n", "something else than whole numbers"),
        (b"roi_id\n3\n5\n7\n", "no column with a name, apart from roi_id"),
        (b"type,depth\nRS\n", "is no table"),
        (b"", "is no table"),
        (b"\x00\x81", "could not be read"),
    ],
)
def test_other_tables_are_refused_in_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        open_columns(path, IDS)
    assert str(error.value).endswith(".")


def test_a_missing_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="could not be read"):
        open_columns(tmp_path / "none.csv", IDS)
