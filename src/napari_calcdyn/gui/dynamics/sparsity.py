"""A slider along the lasso path: how many connections the model keeps."""

from __future__ import annotations

import math

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QSlider, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.pieces import wrapped

_STEPS = 1000


class SparsitySlider(QWidget):  # type: ignore[misc]
    """Chooses the penalty as a fraction of the smallest one that switches every connection off (λ_max).

    Signals
    -------
    moved(float)
        The fraction while the slider moves, at most a hundred times a second.
    settled(float)
        The fraction once it has stood still for a third of a second: for what takes time.
    returned()
        The user wants the point that the training chose.
    """

    moved = Signal(float)
    settled = Signal(float)
    returned = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._smallest = 1e-3
        self._chosen = 0.1
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_STEPS // 20)
        self.slider.setToolTip(
            "<qt>How many connections the model keeps. To the left only the strongest, to the right almost "
            "all. The training chose a point; the button goes back to it.</qt>"
        )
        self.label = wrapped()
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.back = QPushButton("Chosen point")
        self.back.setToolTip("Go back to the point that the training chose.")
        self.back.setEnabled(False)

        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.addWidget(QLabel("sparser"), 0, 0)
        grid.addWidget(self.slider, 0, 1)
        grid.addWidget(QLabel("denser"), 0, 2)
        grid.addWidget(self.label, 1, 0, 1, 2)
        grid.addWidget(self.back, 1, 2)
        grid.setColumnStretch(1, 1)

        self._soon = QTimer(self, singleShot=True, interval=10)
        self._soon.timeout.connect(self._emit_moved)
        self._later = QTimer(self, singleShot=True, interval=330)
        self._later.timeout.connect(self._emit_settled)
        self.slider.valueChanged.connect(self._on_value)
        self.back.clicked.connect(self._go_back)

    def set_range(self, smallest: float, chosen: float) -> None:
        """Take a new path.

        Parameters
        ----------
        smallest : float
            Densest end, as a fraction of λ_max; at least 0.001.
        chosen : float
            The point that the training chose.
        """
        self._smallest = min(max(smallest, 1e-3), 0.5)
        self._chosen = chosen
        self.show_fraction(chosen)

    def fraction(self) -> float:
        """Return the fraction of λ_max at the slider."""
        return float(self._smallest ** (self.slider.value() / _STEPS))

    def show_fraction(self, fraction: float) -> None:
        """Move the slider without a signal."""
        share = math.log(min(max(fraction, self._smallest), 1.0)) / math.log(self._smallest)
        with signals_blocked(self.slider):
            self.slider.setValue(round(_STEPS * share))

    def show_count(self, fraction: float, nonzeros: int, total: int, *, chosen: bool) -> None:
        """Say what a point of the path means, and whether it is the one that the training chose."""
        self.label.setText(f"{nonzeros:,} of {total:,} connections<br>λ = {fraction:.2g} λ<sub>max</sub>")
        self.back.setEnabled(not chosen)

    def _on_value(self) -> None:
        if not self._soon.isActive():
            self._soon.start()
        self._later.start()

    def _emit_moved(self) -> None:
        self.moved.emit(self.fraction())

    def _emit_settled(self) -> None:
        self.settled.emit(self.fraction())

    def _go_back(self) -> None:
        self._soon.stop()
        self._later.stop()
        self.show_fraction(self._chosen)
        self.returned.emit()
