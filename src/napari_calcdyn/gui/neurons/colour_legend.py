"""What the neurons are coloured by, and what the colours mean."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent
from qtpy.QtWidgets import QComboBox, QScrollArea, QWidget

from napari_calcdyn.gui.forms.pieces import stacked, wrapped

from .roi_colours import scale_colours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_calcdyn.gui.docks.dock import Listener

    from .views import NeuronViews

_BAR_HEIGHT = 10
_STEPS = 256


class ColourLegend(QWidget):  # type: ignore[misc]
    """A choice of columns, and under it the categories or a colour bar.

    Parameters
    ----------
    views : NeuronViews
        What is coloured.
    listener : Listener
        Of the dock around it.
    """

    def __init__(self, views: NeuronViews, listener: Listener) -> None:
        super().__init__()
        self._views = views
        self.choice = QComboBox()
        self.choice.setToolTip(
            "<qt>What colours the ROIs on the movie and the points of the map: any column that has a value for "
            "each neuron.</qt>"
        )
        self.choice.setMinimumContentsLength(8)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.textActivated.connect(self._on_chosen)
        self.bar = _Bar()
        self.words = wrapped()
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidget(self.words)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        stacked(self.choice, self.bar, (scroll, 1), parent=self, spacing=4)
        listener.connect(views.recoloured, self.update_colours)
        self.update_colours()

    def update_colours(self) -> None:
        """Show the columns that there are and what the colours mean now."""
        views = self._views
        names = views.column_names
        if names != [self.choice.itemText(row) for row in range(self.choice.count())]:
            self.choice.clear()
            self.choice.addItems(names)
        self.choice.setCurrentText(views.column)
        self.choice.setEnabled(len(names) > 1)
        colouring = views.colouring
        self.bar.setVisible(colouring.limits is not None)
        if colouring.limits is not None:
            low, high = colouring.limits
            self.words.setText(
                f'<table width="100%"><tr><td>{low:.3g}</td><td align="right">{high:.3g}</td></tr></table>'
            )
        else:
            self.words.setText("".join(_line(*entry) for entry in colouring.categories))

    def _on_chosen(self, name: str) -> None:
        self._views.colour_by(name)


def _line(name: str, colour: Iterable[float], count: int) -> str:
    red, green, blue = (round(255 * value) for value in colour)
    return f'<div><span style="color: rgb({red}, {green}, {blue})">●</span> {html.escape(name)} ({count:,})</div>'


class _Bar(QWidget):  # type: ignore[misc]
    """The colour scale, from low to high."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_BAR_HEIGHT)
        self._pixels = (255 * scale_colours(_STEPS)).round().astype("uint8").tobytes()

    def paintEvent(self, _: QPaintEvent) -> None:
        image = QImage(self._pixels, _STEPS, 1, 3 * _STEPS, QImage.Format.Format_RGB888)
        painter = QPainter(self)
        painter.drawImage(self.rect(), image)
        painter.end()
