"""The trade-off of γ in the Dynamics panel, driven as a user would."""

from __future__ import annotations

from typing import Any

from driving import set_steps, settle
from qtpy.QtCore import QPointF, Qt

from napari_calcdyn.gui.dynamics.dock import DynamicsDock


class Click:
    """A click of the mouse on the plot."""

    def __init__(self, place: QPointF) -> None:
        self._place = place

    def scenePos(self) -> QPointF:
        return self._place

    def button(self) -> Qt.MouseButton:
        return Qt.MouseButton.LeftButton


def test_a_click_on_the_trade_off_trains_with_that_gamma(dynamics: DynamicsDock, qtbot: Any) -> None:
    plot, form = dynamics.trade_off, dynamics.model.form
    assert plot.isHidden()
    set_steps(dynamics, 14)
    form.editors["gamma_budget"].value = 0.05
    assert not form.editors["prediction_weight"].enabled
    dynamics.model.train.click()
    settle(qtbot, dynamics)
    model = dynamics.session.dynamics.model
    assert model is not None
    trade_off = model.metrics["trade_off"]
    assert not plot.isHidden()
    costs = [it["reconstruction"] / trade_off[0]["reconstruction"] - 1 for it in trade_off]
    assert len(plot.curve.getData()[0]) == sum(it <= 0.25 for it in costs) >= 2
    assert f"{model.metrics['gamma']:.2g}" in plot.words.text()

    last = plot._points[-1]
    plot._on_click(Click(QPointF(-1000, -1000)))
    assert dynamics.session.work.free
    plot._on_click(Click(plot.plot.getViewBox().mapViewToScene(QPointF(*plot._place(last)))))
    settle(qtbot, dynamics)
    again = dynamics.session.dynamics.model
    assert again is not None
    assert again is not model
    assert abs(again.config.prediction_weight - last["gamma"]) < 0.01 * last["gamma"]
    assert not again.config.gamma_budget
    assert not plot.isHidden()
    assert plot.ring.getData()[0][0] == plot._place(last)[0]

    dynamics.model.train.click()  # as the form says now, which the curve does not belong to
    settle(qtbot, dynamics)
    assert plot.isHidden()
