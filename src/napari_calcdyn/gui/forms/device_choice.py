"""A choice of the devices that are really there, found without delaying the dock."""

from __future__ import annotations

from napari.qt.threading import create_worker
from qtpy.QtWidgets import QComboBox

_WORDS = {
    "auto": "The fastest device that this computer has.",
    "cuda": "An NVIDIA graphics card.",
    "mps": "The graphics unit of an Apple processor.",
    "cpu": "The processor: always available, but slower.",
}


def _look() -> list[str]:
    from napari_calcdyn.models.devices import available_devices

    return available_devices()


class DeviceChoice(QComboBox):  # type: ignore[misc]
    """A combo box of "auto", the processor and the devices found.

    Looking for devices means loading torch, which takes seconds; it happens in the background, when the list
    is first opened.
    """

    def __init__(self) -> None:
        super().__init__()
        self._looked = False
        self._add("auto", 0)
        self._add("cpu", 1)
        self.setToolTip("Where the model is trained. “auto” takes the fastest device that is available.")

    def showPopup(self) -> None:
        """Open the list, and look for devices the first time."""
        if not self._looked:
            self._looked = True
            worker = create_worker(_look, _start_thread=False, _ignore_errors=True)
            worker.returned.connect(self._offer)
            worker.start()
        super().showPopup()

    def _offer(self, devices: list[str]) -> None:
        for place, name in enumerate(devices, start=1):
            if self.findText(name) < 0:
                self._add(name, place)
        if self.view().isVisible():
            super().showPopup()  # so that the list grows to its new length

    def _add(self, name: str, place: int) -> None:
        self.insertItem(place, name)
        self.setItemData(place, _WORDS[name], 3)  # Qt.ItemDataRole.ToolTipRole
