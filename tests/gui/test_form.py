"""The form that a pydantic model turns into."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QSpinBox

from napari_calcdyn.gui.forms.form import SettingsForm
from napari_calcdyn.gui.forms.number import Number, frame_rate_box


class Settings(BaseModel):
    mode: Literal["fast", "slow"] = Field("fast", title="Mode", description="How to go.")
    steps: int = Field(
        300, ge=1, le=5000, title="Steps", description="How many.", json_schema_extra={"group": "Training"}
    )
    rate: float = Field(0.003, gt=0, le=1, title="Learning rate", json_schema_extra={"group": "Training"})
    spacing: int = Field(8, ge=2, title="Spacing", json_schema_extra={"unit": "px"})
    past: int | None = Field(None, ge=1, le=9, title="Past", json_schema_extra={"unit": "frames"})
    window: float = Field(1.0, gt=0, title="Window", json_schema_extra={"unit": "s"})
    fraction: float | None = Field(0.1, gt=0, le=1, title="Fraction")
    skip: bool = Field(True, title="Skip")


@pytest.fixture
def form(qtbot: Any) -> SettingsForm:
    form = SettingsForm(Settings)
    qtbot.addWidget(form)
    form.set_values(Settings().model_dump())
    return form


def widget(form: SettingsForm, name: str) -> Any:
    return form.editors[name].native


def test_every_kind_of_field_has_its_editor(form: SettingsForm) -> None:
    assert isinstance(widget(form, "mode"), QComboBox)
    assert isinstance(widget(form, "steps"), QSpinBox)
    assert isinstance(widget(form, "rate"), QDoubleSpinBox)
    assert isinstance(widget(form, "skip"), QCheckBox)


def test_what_is_shown_comes_from_the_model(form: SettingsForm) -> None:
    assert {"Mode", "Steps", "Learning rate"} <= {label.text() for label in form.findChildren(QLabel)}
    assert "How many." in widget(form, "steps").toolTip()
    assert widget(form, "spacing").text() == "8 px"
    widget(form, "past").setValue(1)
    assert widget(form, "past").text() == "1 frame"
    widget(form, "past").setValue(2)
    assert widget(form, "past").text() == "2 frames"
    assert widget(form, "window").text() == "1 s"
    assert list(form.groups) == ["Settings", "Training"]
    assert (widget(form, "steps").minimum(), widget(form, "steps").maximum()) == (1, 5000)
    assert widget(form, "rate").text() == "0.003"


def test_values_go_in_and_come_out_unchanged(form: SettingsForm) -> None:
    assert Settings(**form.values()) == Settings()
    other = Settings(mode="slow", steps=17, rate=0.00025, spacing=16, past=4, fraction=None, skip=False)
    form.set_values(other.model_dump())
    assert Settings(**form.values()) == other


def test_a_number_left_open_says_so(form: SettingsForm) -> None:
    assert widget(form, "past").text() == "automatic"
    widget(form, "past").setValue(1)
    assert form.values()["past"] == 1
    widget(form, "past").stepBy(-1)
    assert form.values()["past"] is None


def test_a_frame_rate_may_be_unknown(qtbot: Any) -> None:
    box = frame_rate_box("")
    qtbot.addWidget(box.native)
    assert box.value is None
    assert box.native.text() == "unknown"
    with box.changed.blocked():
        box.value = 30.0
    assert box.native.text() == "30 Hz"
    box.value = 0
    assert box.value is None


def test_a_value_beyond_the_range_moves_to_its_end_and_the_unit_follows(qtbot: Any) -> None:
    box = Number(7, annotation=int, min=1, max=5, unit="frames")
    qtbot.addWidget(box.native)
    assert (box.value, box.native.text()) == (5, "5 frames")
    with box.changed.blocked():
        box.value = -3
    assert (box.value, box.native.text()) == (1, "1 frame")
    assert type(box.value) is int


def test_the_defaults_are_shown_first(qtbot: Any) -> None:
    form = SettingsForm(Settings)
    qtbot.addWidget(form)
    assert form.settings() == Settings()


def test_labels_and_tooltips_wrap(form: SettingsForm) -> None:
    label = next(it for it in form.findChildren(QLabel) if it.text() == "Steps")
    assert label.wordWrap()
    assert label.buddy() is widget(form, "steps")
    assert label.toolTip() == widget(form, "steps").toolTip() == "<qt>How many.</qt>"


def test_an_open_bound_is_not_offered(form: SettingsForm) -> None:
    widget(form, "rate").setValue(0.0)
    assert form.values()["rate"] > 0


def test_edits_are_announced_and_filling_in_is_not(form: SettingsForm, qtbot: Any) -> None:
    with qtbot.waitSignal(form.edited):
        widget(form, "steps").setValue(12)
    with qtbot.assertNotEmitted(form.edited):
        form.set_values(Settings(steps=40).model_dump())
    assert form.values()["steps"] == 40


def test_scrolling_over_a_field_does_not_change_it(form: SettingsForm) -> None:
    box = widget(form, "steps")
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, event)
    assert box.value() == 300


def test_basic_fields_are_above_the_groups(qtbot: Any) -> None:
    form = SettingsForm(Settings, basic=("rate", "mode"))
    qtbot.addWidget(form)
    grouped = {
        name: group
        for group, box in form.groups.items()
        for name in form.editors
        if box.isAncestorOf(widget(form, name))
    }
    assert set(form.editors) - set(grouped) == {"rate", "mode"}
    assert grouped["steps"] == "Training"
    assert form.settings() == Settings(**form.values())


def test_a_field_of_a_type_without_editor_is_refused() -> None:
    class Odd(BaseModel):
        table: dict[str, int] = Field(default_factory=dict)

    with pytest.raises(TypeError, match="No editor"):
        SettingsForm(Odd)
