"""Widgets of magicgui in rows: each after its label, as QFormLayout sets them."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import ButtonWidget
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QFormLayout, QLabel


class _WheelGuard(QObject):  # type: ignore[misc]
    """Scrolling through the dock must not turn the knobs it passes over."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False


def in_rows(container: Any, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QFormLayout:
    """Set the widgets of a container (made with ``labels=False``) in rows, and return these, to hide or add some.

    Labels wrap and share a column, which those of magicgui do not. A container in it makes one row with one tooltip;
    a button takes a whole row.
    """
    form = QFormLayout()
    form.setContentsMargins(*margins)
    form.setVerticalSpacing(4)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    container.margins = (0, 0, 0, 0)
    container.native.layout().addLayout(form)
    for widget in container:
        tooltip = f"<qt>{widget.tooltip}</qt>" if widget.tooltip else ""  # rich text wraps
        for part in widget if isinstance(widget, Container) else (widget,):
            part.tooltip = tooltip
            part.native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            part.native.installEventFilter(_WheelGuard(part.native))
        if isinstance(widget, PushButton):
            form.addRow(widget.native)
            continue
        if isinstance(widget, ButtonWidget) and widget.text == widget.label:
            widget.text = ""  # it stands before the box, as with all others
        elif isinstance(widget, Container):
            widget.margins = (0, 0, 0, 0)
        label = QLabel(widget.label)
        label.setWordWrap(True)
        label.setToolTip(tooltip)
        label.setBuddy(widget.native)
        form.addRow(label, widget.native)
    return form
