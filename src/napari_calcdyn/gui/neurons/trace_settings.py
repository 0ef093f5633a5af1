"""How fluorescence becomes traces: neuropil, frame rate, and the baseline of ΔF/F."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from napari_calcdyn.gui.forms.form import SettingsForm
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.progress import ProgressCallback
from napari_calcdyn.recording.traces.baseline import Baseline

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.recording import Traces

_USED_BY = {
    "maximin": ("window_s", "smoothing_s"),
    "running percentile": ("percentile", "window_s"),
    "percentile": ("percentile",),
}


@dataclass(frozen=True)
class MadeTraces:
    """Traces and what they were made from; None and a sentence where they could not be made."""

    fluorescence: Traces
    traces: Traces | None
    problem: str = ""

    def numbered(self, ids: NDArray[np.int64]) -> MadeTraces:
        """Return the same with other ids."""
        fluorescence = replace(self.fluorescence, ids=ids)
        if self.traces is self.fluorescence:
            return MadeTraces(fluorescence, fluorescence)
        return MadeTraces(fluorescence, self.traces and replace(self.traces, ids=ids), self.problem)


@dataclass(frozen=True)
class TraceSettings:
    """How fluorescence becomes traces.

    Parameters
    ----------
    neuropil : float or None
        Share of the surrounding neuropil to subtract; None subtracts nothing.
    baseline : Baseline or None
        For ΔF/F; None keeps fluorescence as it is.
    """

    neuropil: float | None = None
    baseline: Baseline | None = None

    def make(self, fluorescence: Traces, progress: ProgressCallback) -> MadeTraces:
        """Return what fluorescence becomes, after it was looked at for problems; call it off the GUI thread."""
        from napari_calcdyn.recording import delta_f_over_f

        try:
            traces = fluorescence
            if self.baseline is not None:
                traces = delta_f_over_f(fluorescence, self.baseline, progress=progress)
        except InputError as error:
            return MadeTraces(fluorescence, None, str(error))
        _ = traces.problems
        return MadeTraces(fluorescence, traces)


class TraceSettingsForm(QWidget):  # type: ignore[misc]
    """Editors for `TraceSettings` and the frame rate; `signal_edited` tells what needs no new extraction."""

    signal_edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QFormLayout()
        form.setVerticalSpacing(4)
        form.addRow("Neuropil", self._neuropil_row())
        self.frame_rate = QDoubleSpinBox()
        self.frame_rate.setRange(0.0, 10_000.0)
        self.frame_rate.setDecimals(3)
        self.frame_rate.setSuffix(" Hz")
        self.frame_rate.setSpecialValueText("unknown")
        self.frame_rate.setKeyboardTracking(False)
        self.frame_rate.setToolTip("Samples per second. Where the file does not say it, please enter it.")
        self.frame_rate.valueChanged.connect(self.signal_edited)
        form.addRow("Frame rate", self.frame_rate)
        self.relative = QCheckBox("relative to a baseline")
        self.relative.setToolTip(
            "<qt>Fluorescence above its baseline, divided by the baseline. Unticked, fluorescence stays as it is.</qt>"
        )
        self.relative.toggled.connect(self._on_baseline)
        form.addRow("ΔF/F", self.relative)
        layout.addLayout(form)
        self.baseline = SettingsForm(Baseline)
        self.baseline.edited.connect(self._on_baseline)
        self.baseline.setVisible(False)
        layout.addWidget(self.baseline)

    def _neuropil_row(self) -> QHBoxLayout:
        self.neuropil = QCheckBox("subtract")
        self.neuropil.setChecked(True)
        self.coefficient = QDoubleSpinBox()
        self.coefficient.setRange(0.01, 1.0)
        self.coefficient.setSingleStep(0.05)
        self.coefficient.setValue(0.7)
        self.coefficient.setSuffix(" ×")
        self.neuropil.toggled.connect(self.coefficient.setEnabled)
        row = QHBoxLayout()
        for widget in (self.neuropil, self.coefficient):
            widget.setToolTip(
                "<qt>The glow of the tissue around a cell leaks into its pixels. So much of what is measured in a ring "
                "around the ROI, or by suite2p, is taken off when traces are extracted or opened.</qt>"
            )
            row.addWidget(widget)
        return row

    def settings(self) -> TraceSettings:
        """Return what is set.

        Raises
        ------
        InputError
            If a value of the baseline is refused.
        """
        return TraceSettings(
            self.coefficient.value() if self.neuropil.isChecked() else None,
            self.baseline.settings() if self.relative.isChecked() else None,
        )

    def show_frame_rate(self, rate: float | None) -> None:
        """Show a frame rate in Hz, without `signal_edited` being emitted."""
        self.frame_rate.blockSignals(True)
        self.frame_rate.setValue(rate or 0.0)
        self.frame_rate.blockSignals(False)

    def _on_baseline(self) -> None:
        self.baseline.setVisible(self.relative.isChecked())
        method = self.baseline.editors["method"].value
        for name in ("percentile", "window_s", "smoothing_s"):
            self.baseline.editors[name].enabled = name in _USED_BY[method]
        self.signal_edited.emit()
