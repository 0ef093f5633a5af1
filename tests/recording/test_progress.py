"""Progress of a part of a longer computation."""

from __future__ import annotations

import pytest

from napari_calcdyn.recording import Cancelled, report
from napari_calcdyn.recording.progress import part_of


def test_a_part_reports_units_of_the_whole() -> None:
    told: list[tuple[int, int]] = []
    part = part_of(lambda done, total: told.append((done, total)), 20, 50, 100)
    for done in (0, 5, 10):
        report(part, done, 10)
    assert told == [(20, 100), (35, 100), (50, 100)]
    assert part_of(None, 0, 1, 2) is None


def test_a_part_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        report(part_of(lambda done, total: True, 0, 1, 2), 1, 1)
