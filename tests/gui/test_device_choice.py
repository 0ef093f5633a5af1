"""The choice of the device."""

from __future__ import annotations

from typing import Any

import pytest

from napari_calcdyn.gui.forms import device_choice
from napari_calcdyn.gui.forms.device_choice import DeviceChoice
from napari_calcdyn.models.devices import available_devices


def test_devices_are_looked_for_when_the_list_is_first_opened(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = DeviceChoice()
    qtbot.addWidget(choice)
    choice.show()
    assert [choice.itemText(at) for at in range(choice.count())] == ["auto", "cpu"]
    monkeypatch.setattr(device_choice, "_look", lambda: [*available_devices(), "mps"])
    choice.setCurrentText("cpu")
    for _ in range(2):
        choice.showPopup()
        qtbot.waitUntil(lambda: choice.count() > 2, timeout=30_000)
        choice.hidePopup()
    assert choice.currentText() == "cpu"
    assert [choice.itemText(at) for at in range(choice.count())] == ["auto", *available_devices(), "mps"]
    assert all(choice.itemData(at, 3) for at in range(choice.count()))
