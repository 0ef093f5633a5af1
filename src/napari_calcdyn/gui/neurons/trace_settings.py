"""How fluorescence becomes traces: neuropil, frame rate, and the baseline of ΔF/F."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_calcdyn.gui.forms.form import SettingsForm
from napari_calcdyn.gui.forms.number import Number, frame_rate_box
from napari_calcdyn.gui.forms.rows import in_rows
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
_NEUROPIL = (
    "Fluorescence of the tissue around a cell (neuropil) leaks into its pixels. This factor times the "
    "neuropil, measured in a ring around the ROI or by suite2p, is subtracted when traces are extracted or opened."
)


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
        self.neuropil = CheckBox(value=True, text="subtract")
        self.coefficient = Number(0.7, min=0.01, max=1, step=0.05, unit="×")
        self.frame_rate = frame_rate_box(
            "Samples per second. Please enter it where the file does not say it."
        )
        self.relative = CheckBox(
            name="ΔF/F",
            text="relative to a baseline",
            tooltip="Fluorescence above its baseline, divided by the baseline. If this is not ticked, "
            "fluorescence is not changed.",
        )
        self.baseline = SettingsForm(Baseline)
        self.baseline.setVisible(False)
        neuropil = Container(
            layout="horizontal",
            widgets=[self.neuropil, self.coefficient],
            labels=False,
            label="Neuropil",
            tooltip=_NEUROPIL,
        )
        rows = Container(widgets=[neuropil, self.frame_rate, self.relative], labels=False)
        in_rows(rows)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(rows.native)
        layout.addWidget(self.baseline)
        self.neuropil.native.toggled.connect(self.coefficient.native.setEnabled)
        self.frame_rate.changed.connect(self._on_signal)
        self.relative.changed.connect(self._on_baseline)
        self.baseline.edited.connect(self._on_baseline)

    def settings(self) -> TraceSettings:
        """Return what is set.

        Raises
        ------
        InputError
            If a value of the baseline is refused.
        """
        return TraceSettings(
            self.coefficient.value if self.neuropil.value else None,
            self.baseline.settings() if self.relative.value else None,
        )

    def values(self) -> dict[str, Any]:
        """Return what is shown, but for the frame rate, which is that of the traces."""
        return {
            "neuropil": self.neuropil.value,
            "coefficient": self.coefficient.value,
            "relative": self.relative.value,
            "baseline": self.baseline.values(),
        }

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show other values, without `signal_edited` being emitted."""
        with signals_blocked(self):
            self.neuropil.value, self.relative.value = bool(values["neuropil"]), bool(values["relative"])
            if self.coefficient.min <= float(values["coefficient"]) <= self.coefficient.max:
                self.coefficient.value = float(values["coefficient"])
            self.baseline.set_values(self.baseline.fitting(values["baseline"]))
            self._on_baseline()

    def show_frame_rate(self, rate: float | None) -> None:
        """Show a frame rate in Hz, without `signal_edited` being emitted."""
        with self.frame_rate.changed.blocked():
            self.frame_rate.value = rate or None

    def _on_baseline(self) -> None:
        self.baseline.setVisible(self.relative.value)
        method = self.baseline.editors["method"].value
        for name in ("percentile", "window_s", "smoothing_s"):
            self.baseline.editors[name].enabled = name in _USED_BY[method]
        self._on_signal()

    def _on_signal(self) -> None:
        self.signal_edited.emit()
