"""A user who does one thing after another in the window, at random."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np

from napari_calcdyn.gui.dynamics.between.runs import look_between
from napari_calcdyn.gui.dynamics.runs import choose_sparsity, show_edge
from napari_calcdyn.gui.layers.layers import is_result
from napari_calcdyn.gui.neurons.views import views_of
from napari_calcdyn.gui.recording.check import RecordingCheck
from napari_calcdyn.gui.recording.recordings import compute_mean
from napari_calcdyn.gui.session import session_of

BLENDINGS = ("translucent_no_depth", "additive", "opaque")


class Walk:
    """Actions on a window with a recording, a model, ROIs and traces, drawn from a seed."""

    def __init__(self, viewer: Any, docks: Any, seed: int) -> None:
        self.viewer, self.docks, self.session = viewer, docks, session_of(viewer)
        self.random = np.random.default_rng(seed)
        self.done: list[str] = []
        self._drawn = 0

    @classmethod
    def actions(cls) -> list[str]:
        """Return the names of what can be done: the methods without arguments."""
        return [
            name
            for kind in reversed(cls.__mro__)
            for name, method in vars(kind).items()
            if isinstance(method, FunctionType) and not name.startswith("_") and name not in ("step", "do")
        ]

    def step(self) -> None:
        """Do one thing."""
        actions = self.actions()
        action = actions[self.random.integers(len(actions))]
        self.done.append(action)
        getattr(self, action)()

    def select(self) -> None:
        self.session.rois.selected = tuple(self._some(self._ids(), self.random.integers(0, 3)))

    def pin(self) -> None:
        self.session.rois.pinned = tuple(self._some(self._ids(), 2))

    def move_in_time(self) -> None:
        if self.session.recording.movie is not None:
            steps = list(self.viewer.dims.current_step)
            steps[-3] = int(self.random.integers(self.session.recording.movie.n_frames))
            self.viewer.dims.current_step = tuple(steps)

    def turn_layer(self) -> None:
        layer = self._layer()
        if layer is None:
            return
        layer.visible = not layer.visible
        layer.opacity = float(self.random.uniform(0.2, 1))
        layer.blending = BLENDINGS[self.random.integers(len(BLENDINGS))]
        if hasattr(layer, "contrast_limits") and hasattr(layer, "gamma"):
            low, high = layer.contrast_limits_range
            layer.contrast_limits = (low, low + float(self.random.uniform(0.3, 1)) * (high - low))
            layer.gamma = float(self.random.uniform(0.5, 1.5))
            layer.colormap = ("gray", "magma", "green")[self.random.integers(3)]

    def rename_layer(self) -> None:
        layer = self._layer()
        if layer is not None:
            layer.name = f"{layer.name} {len(self.done)}"

    def move_layer(self) -> None:
        count = len(self.viewer.layers)
        if count:
            self.viewer.layers.move(int(self.random.integers(count)), int(self.random.integers(count)))

    def remove_layer(self) -> None:
        ours = [it for it in self.viewer.layers if is_result(it)]
        if ours:
            self.viewer.layers.remove(ours[self.random.integers(len(ours))])

    def draw(self) -> None:
        self._drawn += 1
        corners = self.random.uniform(0, 20, (3, 2))
        self.viewer.add_shapes(
            [corners], shape_type="polygon", name=f"drawn {self._drawn}", edge_color="yellow"
        )

    def paint(self) -> None:
        if self.session.recording.movie is None:
            return
        self._drawn += 1
        labels = np.zeros(self.session.recording.movie.frame_shape, np.int32)
        labels[2:5, 3:9] = self._drawn
        self.viewer.add_labels(labels, name=f"painted {self._drawn}")

    def point_out(self) -> None:
        self._drawn += 1
        self.viewer.add_points(self.random.uniform(0, 20, (3, 2)), name=f"pointed {self._drawn}", size=3)

    def show_another_page(self) -> None:
        for tabs in (self.docks.dynamics.views, self.docks.neurons.pages, self.docks.inspector.pages):
            page = int(self.random.integers(tabs.count()))
            if tabs.isTabEnabled(page):
                tabs.setCurrentIndex(page)

    def set_number(self) -> None:
        docks = self.docks
        number = int(self.random.integers(20, 60))
        widgets = (docks.compare.permutations, docks.compare.block, docks.neurons.results.number)
        widgets[self.random.integers(3)].setValue(number)
        docks.dynamics.model.form.editors["steps"].value = number
        docks.inspector.what_if.forecast.ahead.value = number

    def choose(self) -> None:
        docks = self.docks
        boxes = (docks.dynamics.model.preset, docks.neurons.model.preset, docks.compare.inputs.between)
        box = boxes[self.random.integers(3)]
        box.setCurrentIndex(int(self.random.integers(box.count())))
        docks.recording.look.setChecked(bool(self.random.integers(2)))

    def mark_frames(self) -> None:
        if self.session.recording.movie is None:
            return
        start = int(self.random.integers(0, self.session.recording.movie.n_frames - 3))
        bad = bool(self.random.integers(2))
        self.session.part(RecordingCheck).mark_frames(range(start, start + 3), bad=bad)

    def switch_correction(self) -> None:
        self.session.part(RecordingCheck).switch("brightness", bool(self.random.integers(2)))

    def sparsity(self) -> None:
        if self.session.dynamics.model is None:
            return
        chosen = self.session.dynamics.model.var.fraction
        fraction = chosen * float(self.random.uniform(0.5, 1))
        choose_sparsity(self.session, fraction, settled=True)
        self.docks.dynamics.sparsity.show_fraction(fraction)

    def look_between_cells(self) -> None:
        look_between(self.session)

    def map_connection(self) -> None:
        show_edge(self.session, 0, int(self.random.integers(4)), 1)

    def compare(self) -> None:
        self.docks.compare.permutations.setValue(19)
        if self.docks.compare.compare.isEnabled():
            self.docks.compare.compare.click()

    def mean_frame(self) -> None:
        compute_mean(self.session)

    def colour(self) -> None:
        names = views_of(self.session).column_names
        if not names:
            return
        views_of(self.session).colour_by(names[self.random.integers(len(names))])

    def bring_forward(self) -> None:
        self.docks[self.random.integers(len(self.docks))].parentWidget().raise_()

    def zoom(self) -> None:
        self.viewer.scene.camera.zoom = float(self.random.uniform(3, 9))

    def type_ranges(self) -> None:
        edit = self.docks.compare.inputs.edits.edits["AB"[self.random.integers(2)]]
        start = int(self.random.integers(0, 150))
        edit.setText(f"{start}:{start + 40}")
        edit.textEdited.emit(edit.text())

    def _ids(self) -> list[int]:
        rois = self.session.rois.loaded
        return [] if rois is None else rois.ids.tolist()

    def _layer(self) -> Any:
        layers = self.viewer.layers
        return layers[int(self.random.integers(len(layers)))] if len(layers) else None

    def _some(self, items: list[Any], count: int) -> list[Any]:
        return [items[at] for at in self.random.permutation(len(items))[:count]]
