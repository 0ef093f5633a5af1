from __future__ import annotations

import pytest

from napari_calcdyn.models import memory
from napari_calcdyn.recording import InputError


def test_the_budget_is_a_quarter_of_the_machine_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for installed, expected in ((2, 1.0), (5, 1.25), (24, 1.5)):
        monkeypatch.setattr(memory, "_installed", lambda installed=installed: installed)
        assert memory.memory_budget() == expected


def test_a_budget_holds_within_its_block_and_leaves_more_or_less_room_for_frames() -> None:
    before = memory.memory_budget()
    with memory.limited_memory(4.0):
        assert memory.memory_budget() == 4.0
        much = memory.room_for_frames()
        with memory.limited_memory(1.0):
            assert 0 < memory.room_for_frames() < much
        assert memory.memory_budget() == 4.0
    assert memory.memory_budget() == before


@pytest.mark.parametrize("gigabytes", [0.2, -1.0, float("nan")])
def test_too_little_memory_is_refused(gigabytes: float) -> None:
    with pytest.raises(InputError, match="at least 1 GB"), memory.limited_memory(gigabytes):
        pass
