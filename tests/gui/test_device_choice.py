"""The choice of the device."""

from __future__ import annotations

from typing import Any

from napari_calcdyn.gui.forms.device_choice import DeviceChoice
from napari_calcdyn.models.devices import available_devices


def test_devices_are_looked_for_when_the_list_is_first_opened(qtbot: Any) -> None:
    choice = DeviceChoice()
    qtbot.addWidget(choice)
    choice.show()
    assert [choice.itemText(at) for at in range(choice.count())] == ["auto"]
    for _ in range(2):
        choice.showPopup()
        qtbot.waitUntil(lambda: choice.count() > 1, timeout=30_000)
        choice.hidePopup()
    found = [choice.itemText(at) for at in range(choice.count())]
    assert found == ["auto", *available_devices()]
    assert found[-1] == "cpu"
