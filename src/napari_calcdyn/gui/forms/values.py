"""What widgets show, as plain values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from magicgui.widgets import Container
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QListWidget,
    QSpinBox,
    QTabWidget,
)
from superqt.utils import signals_blocked

from .form import SettingsForm


@dataclass(frozen=True)
class Quiet:
    """A widget that is set without a signal, as a change of it by the user begins something."""

    widget: Any


@runtime_checkable
class Form(Protocol):
    """A widget of several values, which `set_values` shows without a signal."""

    def values(self) -> dict[str, Any]:
        """Return what it shows."""

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show other values."""


def values_of(widgets: Mapping[str, Any]) -> dict[str, Any]:
    """Return what widgets show, as JSON can hold it."""
    return {name: _value(widget) for name, widget in widgets.items()}


def show_values(widgets: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Let widgets show values, one after another, as if the user had chosen them; one that does not fit is left out."""
    for name, widget in widgets.items():
        if name in values:
            with suppress(
                TypeError, ValueError, KeyError, OverflowError
            ):  # of a session that somebody edited
                _show(widget, values[name])


def _value(widget: Any) -> Any:
    if isinstance(widget, Quiet):
        return _value(widget.widget)
    if isinstance(widget, Container):
        return {it.name: it.value for it in _parts(widget)}
    if isinstance(widget, Form):
        return widget.values()
    if isinstance(widget, QListWidget):
        items = [widget.item(row) for row in range(widget.count())]
        return [it.text() for it in items if it.checkState() == Qt.CheckState.Checked]
    if isinstance(widget, QTabWidget):
        return widget.currentIndex()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, QAbstractButton):
        return widget.isChecked()
    if isinstance(widget, QLineEdit):
        return widget.text()
    if isinstance(widget, (QSpinBox, QDoubleSpinBox, QAbstractSlider)):
        return widget.value()
    return widget.value  # of magicgui


def _show(widget: Any, value: Any) -> None:
    if isinstance(widget, Quiet):
        with signals_blocked(widget.widget):
            _show(widget.widget, value)
    elif isinstance(widget, Container):
        for part in _parts(widget):
            if part.name in value:
                with suppress(TypeError, ValueError):
                    _show(part, value[part.name])
    elif isinstance(widget, SettingsForm):
        widget.set_values(widget.fitting(value))
        widget.edited.emit()
    elif isinstance(widget, Form):
        widget.set_values(value)
    elif isinstance(widget, QListWidget):
        for row in range(widget.count()):
            ticked = widget.item(row).text() in value
            widget.item(row).setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
    elif isinstance(widget, QTabWidget):
        if widget.isTabEnabled(int(value)):
            widget.setCurrentIndex(int(value))
    elif isinstance(widget, QComboBox):
        at = widget.findText(str(value))
        if at >= 0 and at != widget.currentIndex():
            widget.setCurrentIndex(at)
            widget.activated.emit(at)
    elif isinstance(widget, QAbstractButton):
        widget.setChecked(bool(value))
    elif isinstance(widget, QLineEdit):
        if widget.text() != value:
            widget.setText(str(value))
            widget.textEdited.emit(str(value))
    elif isinstance(widget, (QSpinBox, QDoubleSpinBox, QAbstractSlider)):
        if widget.minimum() <= value <= widget.maximum():
            widget.setValue(value if isinstance(widget, QDoubleSpinBox) else int(value))
    elif value is None or not hasattr(widget, "max") or widget.min <= value <= widget.max:
        widget.value = value


def _parts(container: Any) -> list[Any]:
    """Return the widgets of a container of magicgui that have a value."""
    return [it for it in container if it.name and it.widget_type != "PushButton" and hasattr(it, "value")]
