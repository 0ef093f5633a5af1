"""A form made from a pydantic model: one row a field, in collapsible groups.

The model is the one definition of every setting; title, description, unit and bounds come from it. Fields may
be numbers, switches, a choice of words (`Literal`), or a number that may be left open (``int | None``).
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_calcdyn.recording.errors import InputError

OPEN = "automatic"  # shown where an optional number is None
_BASIC = ""  # no name of a group


class SettingsForm(QWidget):  # type: ignore[misc]
    """Editors for the fields of a pydantic model.

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
        self.editors: dict[str, _Editor] = {}
        self.groups: dict[str, _Group] = {}
        self._wheel = _WheelGuard(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        forms: dict[str, QFormLayout] = {}
        if basic:
            forms[_BASIC] = _form_layout()
            layout.addLayout(forms[_BASIC])
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            group = _BASIC if name in basic else str(extra.get("group", "Settings"))
            if group not in forms:
                forms[group] = self._add_group(group)
            editor = _editor(field, str(extra.get("unit", "")))
            editor.on_change(self.edited.emit)
            editor.widget.installEventFilter(self._wheel)
            editor.widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            label = QLabel(field.title or name.replace("_", " "))
            label.setWordWrap(True)
            for widget in (label, editor.widget):
                widget.setToolTip(_tooltip(field))
            label.setBuddy(editor.widget)
            forms[group].addRow(label, editor.widget)
            self.editors[name] = editor

    def _add_group(self, title: str) -> QFormLayout:
        group = _Group(title)
        content = QWidget()
        form = _form_layout()
        form.setContentsMargins(6, 2, 0, 6)
        content.setLayout(form)
        group.addWidget(content)
        group.collapse(animate=False)
        self.layout().addWidget(group)
        self.groups[title] = group
        return form

    def values(self) -> dict[str, Any]:
        """Return what the form shows, by field name."""
        return {name: editor.get() for name, editor in self.editors.items()}

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
        self.blockSignals(True)
        for name, value in values.items():
            self.editors[name].set(value)
        self.blockSignals(False)


def _form_layout() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 2, 0, 6)
    form.setVerticalSpacing(4)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return form


class _Group(QCollapsible):  # type: ignore[misc]
    """A collapsible group whose arrow is text: an icon would keep the colour of the theme it was made in."""

    # superqt's own names: it does not take an empty icon as an argument where PySide6 counts it as false.
    _expanded_icon = _collapsed_icon = QIcon()

    def __init__(self, title: str) -> None:
        super().__init__(title, expandedIcon=None, collapsedIcon=None)
        self._title = title
        self.setDuration(120)
        self.layout().setContentsMargins(0, 0, 0, 2)
        self.layout().setSpacing(0)
        self.content().layout().setContentsMargins(0, 0, 0, 0)
        self.toggled.connect(self._show_arrow)
        self._show_arrow(False)

    def _show_arrow(self, expanded: bool) -> None:
        self.setText(f"{'▾' if expanded else '▸'}  {self._title}")


class _WheelGuard(QObject):  # type: ignore[misc]
    """Scrolling through the dock must not turn the knobs it passes over."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False


class _Number(QDoubleSpinBox):  # type: ignore[misc]
    """A decimal that is shown as people write it: 0.001 and not 0.00100000."""

    def textFromValue(self, value: float) -> str:
        return f"{value:.6g}"


class _Editor:
    """A widget with a value."""

    def __init__(
        self,
        widget: QWidget,
        get: Callable[[], Any],
        set_: Callable[[Any], None],
        on_change: Callable[[Callable[[], None]], object],
    ) -> None:
        self.widget = widget
        self.get = get
        self.set = set_
        self.on_change = on_change


def _editor(field: FieldInfo, unit: str) -> _Editor:
    options = get_args(field.annotation)
    origin = get_origin(field.annotation)
    if origin is Literal:
        return _choice(options)
    optional = origin in (Union, types.UnionType) and type(None) in options
    kinds = {kind for kind in options if kind is not type(None)} if optional else {field.annotation}
    if kinds == {bool}:
        box = QCheckBox()
        return _Editor(box, box.isChecked, box.setChecked, lambda call: box.toggled.connect(lambda _: call()))
    if kinds <= {int, float}:
        return _number(field, unit, whole=kinds == {int}, optional=optional)
    raise TypeError(f"No editor for a setting of type {field.annotation}.")


def _choice(options: tuple[Any, ...]) -> _Editor:
    box = QComboBox()
    for option in options:
        box.addItem(str(option), option)

    def choose(value: Any) -> None:
        box.setCurrentIndex(options.index(value))

    return _Editor(
        box, box.currentData, choose, lambda call: box.currentIndexChanged.connect(lambda _: call())
    )


def _number(field: FieldInfo, unit: str, *, whole: bool, optional: bool) -> _Editor:
    low, high = _bounds(field, 1 if whole else 1e-6)
    box = QSpinBox() if whole else _Number()
    if not whole:
        box.setDecimals(8)
    box.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
    box.setKeyboardTracking(False)
    step = 1 if whole else 1e-6
    # An optional number has one value below its range, which Qt shows as words.
    floor = low - step if optional else low
    box.setRange(int(floor) if whole else floor, int(high) if whole else high)
    if optional:
        box.setSpecialValueText(OPEN)
    if unit:
        one = unit.removesuffix("s") if len(unit) > 2 else unit  # a word and no symbol, as "frames"

        def show_unit(value: float) -> None:
            box.setSuffix(f" {one if value == 1 else unit}")

        box.valueChanged.connect(show_unit)
        show_unit(box.value())

    def get() -> Any:
        return None if optional and box.value() == box.minimum() else box.value()

    def set_(value: Any) -> None:
        box.setValue(box.minimum() if value is None else value)

    return _Editor(box, get, set_, lambda call: box.valueChanged.connect(lambda _: call()))


def _bounds(field: FieldInfo, step: float) -> tuple[float, float]:
    """Return the closed range of a number; an open bound moves inside by `step`."""
    low, high = -1e6, 1e6
    for rule in field.metadata:
        low = max(low, getattr(rule, "ge", low), getattr(rule, "gt", low - step) + step)
        high = min(high, getattr(rule, "le", high), getattr(rule, "lt", high + step) - step)
    return low, high


def _tooltip(field: FieldInfo) -> str:
    # Rich text makes Qt wrap long tooltips.
    return f"<qt>{field.description}</qt>" if field.description else ""
