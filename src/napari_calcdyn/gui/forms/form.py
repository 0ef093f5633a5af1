"""A form made from a pydantic model: one row a field, in collapsible groups.

The model is the one definition of every setting; title, description, unit and bounds come from it. Fields may
be numbers, switches, a choice of words (`Literal`), or a number that may be left open (``int | None``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args

from magicgui.widgets import Container, create_widget
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from qtpy.QtCore import Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt import QCollapsible
from superqt.utils import signals_blocked

from napari_calcdyn.recording.errors import InputError

from .number import FINEST, Number
from .rows import in_rows

_BASIC = ""  # no name of a group


class SettingsForm(QWidget):  # type: ignore[misc]
    """Widgets of magicgui for the fields of a pydantic model, which show its defaults first.

    Parameters
    ----------
    model : type of BaseModel
        Fields have ``title``, ``description``, bounds; ``json_schema_extra`` has ``group`` and ``unit``.
    basic : collection of str
        Fields that are above the groups, always to be seen.
    """

    edited = Signal()

    def __init__(self, model: type[BaseModel], basic: Collection[str] = ()) -> None:
        super().__init__()
        self.model = model
        self.editors: dict[str, Any] = {}
        self.groups: dict[str, _Group] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        grouped: dict[str, list[Any]] = {_BASIC: []} if basic else {}
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            self.editors[name] = _editor(name, field, str(extra.get("unit", "")))
            group = _BASIC if name in basic else str(extra.get("group", "Settings"))
            grouped.setdefault(group, []).append(self.editors[name])
        for title, editors in grouped.items():
            rows = Container(widgets=editors, labels=False)
            rows.changed.connect(self._on_edit)
            in_rows(rows, margins=(6, 2, 0, 6) if title else (0, 2, 0, 6))
            if title:
                self.groups[title] = _Group(title, rows.native)
            layout.addWidget(self.groups[title] if title else rows.native)

    def values(self) -> dict[str, Any]:
        """Return what the form shows, by field name."""
        return {name: editor.value for name, editor in self.editors.items()}

    def settings(self) -> Any:
        """Return what the form shows as an instance of its model.

        Raises
        ------
        InputError
            If a value is refused; it names the setting as the form does.
        """
        try:
            return self.model(**self.values())
        except ValidationError as error:
            first = error.errors()[0]
            field = self.model.model_fields.get(str(first["loc"][0])) if first["loc"] else None
            what = first["msg"].removeprefix("Value error, ").rstrip(".")
            title = field.title if field is not None else None
            raise InputError(f"“{title}”: {what}." if title else f"{what}.") from error

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show other values, without `edited` being emitted."""
        with signals_blocked(self):
            for name, value in values.items():
                self.editors[name].value = value

    def fitting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of some values that the settings take, beside what is shown for the others."""
        known = {name: values[name] for name in self.editors if name in values}
        while known:
            try:
                settings = self.model(**{**self.values(), **known})
            except ValidationError as error:
                wrong = {str(it["loc"][0]) for it in error.errors() if it["loc"]} & known.keys()
                known = {name: value for name, value in known.items() if wrong and name not in wrong}
            else:
                return {name: getattr(settings, name) for name in known}
        return {}

    def _on_edit(self) -> None:
        self.edited.emit()


class _Group(QCollapsible):  # type: ignore[misc]
    """A collapsible group whose arrow is text: an icon would keep the colour of the theme it was made in."""

    # superqt's own names: it does not take an empty icon as an argument where PySide6 counts it as false.
    _expanded_icon = _collapsed_icon = QIcon()

    def __init__(self, title: str, rows: QWidget) -> None:
        super().__init__(title, expandedIcon=None, collapsedIcon=None)
        self._title = title
        self.setDuration(120)
        self.layout().setContentsMargins(0, 0, 0, 2)
        self.layout().setSpacing(0)
        self.content().layout().setContentsMargins(0, 0, 0, 0)
        self.addWidget(rows)
        self.collapse(animate=False)
        self.toggled.connect(self._show_arrow)
        self._show_arrow(False)

    def _show_arrow(self, expanded: bool) -> None:
        self.setText(f"{'▾' if expanded else '▸'}  {self._title}")


def _editor(name: str, field: FieldInfo, unit: str) -> Any:
    """Return the widget that magicgui makes of a field."""
    options: dict[str, Any] = {"tooltip": field.description}
    kinds = set(get_args(field.annotation) or (field.annotation,)) - {type(None)}
    if kinds <= {int, float}:
        options |= {"widget_type": Number, "unit": unit} | _bounds(field, FINEST if float in kinds else 1)
    value = field.get_default(call_default_factory=True)
    try:
        return create_widget(value, field.annotation, name=name, label=field.title, options=options)
    except ValueError as error:
        raise TypeError(f"No editor for a setting of type {field.annotation}.") from error


def _bounds(field: FieldInfo, step: float) -> dict[str, float]:
    """Return the closed range of a number; an open bound moves inside by `step`."""
    low, high = -1e6, 1e6
    for rule in field.metadata:
        low = max(low, getattr(rule, "ge", low), getattr(rule, "gt", low - step) + step)
        high = min(high, getattr(rule, "le", high), getattr(rule, "lt", high + step) - step)
    return {"min": low, "max": high}
