"""Which data set, channel and plane of a file is the movie, and what its axes are: asked only where it is open."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit, QSizePolicy, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.number import Number
from napari_calcdyn.gui.forms.pieces import form_layout
from napari_calcdyn.recording.errors import size_text

from .opened import Opened, Question

_DATASET_TIP = (
    "<qt>The file holds several arrays that may be the movie, with their sizes as stored. What you choose is remembered"
    " for the other files of this folder.</qt>"
)
_AXES_TIP = (
    "<qt>What the axes are as they are stored ({size}), a letter each: T is time, C channel, Z plane, Y line, X column."
    " Change them if the picture looks wrong, and press Enter. They are remembered for the other files of this"
    " folder.</qt>"
)


def part_boxes() -> tuple[Number, Number]:
    """Return boxes for the channel and the plane of a file that has several."""
    channel, plane = (
        Number(
            0,
            annotation=int,
            label=part,
            tooltip=f"The file holds several {part.lower()}s; one of them is the movie. Counted from 0.",
        )
        for part in ("Channel", "Plane")
    )
    return channel, plane


class FileRows(QWidget):  # type: ignore[misc]
    """Two rows: the data set and the axes of a file.

    Parameters
    ----------
    changed : callable
        Called with the name of the data set and the axes when the user changes one of them; None where there is
        nothing to choose, or the file is to say it.
    """

    def __init__(self, changed: Callable[[str | None, str | None], object]) -> None:
        super().__init__()
        self._changed = changed
        self.dataset = QComboBox()
        self.dataset.setToolTip(_DATASET_TIP)
        self.dataset.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.dataset.setPlaceholderText("choose one")
        self.axes = QLineEdit()
        self.form = form_layout(self)
        self.form.setContentsMargins(0, 6, 0, 0)
        for text, field in (("Data set", self.dataset), ("Axes", self.axes)):
            label = QLabel(text)
            label.setBuddy(field)
            self.form.addRow(label, field)
        self.dataset.activated.connect(self._on_dataset)
        self.axes.editingFinished.connect(self._on_axes)
        self._shown_axes = ""
        self.show_file(None)

    def show_file(self, file: Opened | Question | None) -> None:
        """Show what can be chosen in a file, and what is."""
        several = file is not None and len(file.arrays) > 1
        shape = self._shape(file)
        self.setVisible(several or shape is not None)
        self.form.setRowVisible(self.dataset, several)
        self.form.setRowVisible(self.axes, shape is not None)
        with signals_blocked(self.dataset):
            self.dataset.clear()
            for array in file.arrays if file is not None else ():
                self.dataset.addItem(str(array), array.name)
            self.dataset.setCurrentIndex(-1 if file is None else self.dataset.findData(file.choice.dataset))
        self._shown_axes = "" if file is None else file.choice.axes or ""
        if isinstance(file, Opened) and not self._shown_axes:
            self._shown_axes = file.info.axes
        self.axes.setText(self._shown_axes)
        tip = _AXES_TIP.format(size=size_text(shape)) if shape else _AXES_TIP.replace(" ({size})", "")
        self.axes.setToolTip(tip)
        self.form.labelForField(self.axes).setToolTip(tip)

    def _shape(self, file: Opened | Question | None) -> tuple[int, ...] | None:
        if isinstance(file, Question):
            return () if file.about_axes else None
        return None if file is None else file.info.stored_shape

    def _on_dataset(self, index: int) -> None:
        self._changed(self.dataset.itemData(index), None)

    def _on_axes(self) -> None:
        """Hand over what was typed, once: Qt says that editing has finished twice, also when the row is left."""
        text = self.axes.text().strip().upper()
        if text != self._shown_axes:
            self._shown_axes = text
            self._changed(self.dataset.currentData(), text or None)
