"""A short walk through all panels; `random_walk.py` as a script goes further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from random_walk import RandomWalk, drawn, furnish, walk_through

from napari_calcdyn.gui.launch import add_docks


def test_whatever_is_clicked_nothing_breaks(viewer: Any, tmp_path: Path) -> None:
    walk = RandomWalk(viewer, add_docks(viewer), tmp_path)
    furnish(walk)
    record = tmp_path / "walk.jsonl"
    actions = list(drawn(1, 25))
    walk_through(walk, actions, record)
    assert [tuple(json.loads(line)) for line in record.read_text().splitlines()] == actions
