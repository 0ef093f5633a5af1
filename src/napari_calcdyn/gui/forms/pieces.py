"""Small pieces that docks are put together from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from qtpy.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked


def wrapped(text: str = "", tooltip: str = "") -> QLabel:
    """Return a text that may take several lines."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setToolTip(tooltip)
    return label


def button(text: str, tooltip: str, pressed: Callable[..., object]) -> QPushButton:
    """Return a button, and what it does when it is pressed."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    made.clicked.connect(pressed)
    return made


def form_layout(parent: QWidget | None = None) -> QFormLayout:
    """Return a layout of rows with a label each, whose fields are as wide as the dock."""
    form = QFormLayout(parent)
    form.setVerticalSpacing(4)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def beside(*parts: Any, parent: QWidget | None = None) -> QHBoxLayout:
    """Return widgets and layouts side by side, without margins; of ``(widget, share)``, the share of the room left."""
    return _filled(QHBoxLayout(parent), parts)


def stacked(
    *parts: Any,
    parent: QWidget | None = None,
    margins: tuple[int, int, int, int] = (0, 0, 0, 0),
    spacing: int | None = None,
) -> QVBoxLayout:
    """Return widgets and layouts one below the other, as `beside` does; margins are left, top, right, bottom."""
    layout = _filled(QVBoxLayout(parent), parts)
    layout.setContentsMargins(*margins)
    if spacing is not None:
        layout.setSpacing(spacing)
    return layout


def tabs(*pages: tuple[QWidget, str, str]) -> QTabWidget:
    """Return pages as tabs: each a widget, its title and its tooltip."""
    widget = QTabWidget()
    for number, (page, title, tooltip) in enumerate(pages):
        widget.addTab(page, title)
        widget.setTabToolTip(number, tooltip)
    return widget


def offer(choice: QComboBox, names: Iterable[str]) -> None:
    """Offer other words, without a signal; the one that was chosen stays chosen, or else the first is."""
    chosen = choice.currentText()
    with signals_blocked(choice):
        choice.clear()
        choice.addItems(list(names))
        choice.setCurrentIndex(max(choice.findText(chosen), min(0, choice.count() - 1)))


def _filled(layout: QBoxLayout, parts: tuple[Any, ...]) -> QBoxLayout:
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        if isinstance(part, QLayout):
            layout.addLayout(part)
        elif isinstance(part, tuple):
            layout.addWidget(*part)
        else:
            layout.addWidget(part)
    return layout
