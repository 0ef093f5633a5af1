"""A short walk through all panels; `random_walk.py` as a script goes further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from random_walk import RandomWalk, drawn, furnish, walk_through
from shrink_walk import shrink

from napari_calcdyn.gui.launch import add_docks


def test_whatever_is_clicked_nothing_breaks(viewer: Any, tmp_path: Path) -> None:
    walk = RandomWalk(viewer, add_docks(viewer), tmp_path)
    furnish(walk)
    record = tmp_path / "walk.jsonl"
    actions = list(drawn(1, 25))
    walk_through(walk, actions, record)
    assert [tuple(json.loads(line)) for line in record.read_text().splitlines()] == actions


def test_a_walk_is_shrunk_to_what_goes_wrong() -> None:
    wanted = {"17", "60", "61"}
    tried: list[list[str]] = []

    def still_wrong(actions: list[str]) -> bool:
        tried.append(actions)
        return wanted <= set(actions)

    assert shrink([str(it) for it in range(100)], still_wrong) == ["17", "60", "61"]
    assert len(tried) < 60
