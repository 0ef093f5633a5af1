"""A number as a widget of magicgui: with its unit, as people write it, and None where it may be left open."""

from __future__ import annotations

from typing import Any, get_args

from magicgui.application import use_app
from magicgui.types import Undefined
from magicgui.widgets.bases import RangedWidget
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

FINEST = 1e-6  # the smallest step of a decimal


class _PlainBox(QDoubleSpinBox):  # type: ignore[misc]
    """Shows a decimal as people write it: 0.001 and not 0.00100000."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(8)

    def textFromValue(self, value: float) -> str:
        return f"{value:.6g}"


def _backend(name: str, box: type[QWidget]) -> Any:
    """Return what stands behind a widget of magicgui, with another box of Qt."""
    theirs: Any = use_app().get_obj(name)

    class Backend(theirs):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super(theirs, self).__init__(box, **options)

    return Backend


_DECIMAL = _backend("FloatSpinBox", _PlainBox)
_WHOLE = _backend("SpinBox", QSpinBox)  # superqt's has no unit and no words for None


class Number(RangedWidget):  # type: ignore[misc]
    """A number in a spin box, with its ``unit`` after it; ``none`` stands for None where that is a value.

    A unit that is a word ("frames") loses its s after 1. A value beyond the range is moved to its end.
    """

    def __init__(
        self,
        value: Any = Undefined,
        *,
        annotation: Any = float,
        min: float = -1e6,
        max: float = 1e6,
        unit: str = "",
        none: str = "automatic",
        nullable: bool = False,
        **options: Any,
    ) -> None:
        whole = float not in (annotation, *get_args(annotation))
        self._none = nullable
        self._unit = unit
        options["widget_type"] = _WHOLE if whole else _DECIMAL  # create_widget hands over this class
        super().__init__(
            value,
            annotation=annotation,
            # One value below the range, which Qt shows as words, stands for None.
            min=min - (1 if whole else FINEST) if nullable else min,
            max=max,
            nullable=nullable,
            **options,
        )
        self.native.setKeyboardTracking(False)
        if nullable:
            self.native.setSpecialValueText(none)
            self.set_value(self.get_value() if value is Undefined else value)
        if unit:
            self.native.valueChanged.connect(self._show_unit)
            self._show_unit()

    def get_value(self) -> Any:
        """Return the number, or None."""
        value = super().get_value()
        return None if self._none and value == self.min else value

    def set_value(self, value: Any) -> None:
        """Show a number, or None."""
        super().set_value(self.min if value is None else sorted((self.min, value, self.max))[1])

    def _show_unit(self) -> None:
        word = len(self._unit) > 2  # and no symbol
        self.native.setSuffix(f" {self._unit.removesuffix('s') if word and self.value == 1 else self._unit}")


def frame_rate_box(tooltip: str) -> Number:
    """Return a box for a frame rate in Hz, which may be unknown."""
    hertz: Any = {"min": FINEST, "max": 10_000, "step": 1, "unit": "Hz", "none": "unknown", "nullable": True}
    return Number(None, label="Frame rate", tooltip=tooltip, **hertz)
