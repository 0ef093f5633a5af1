"""What is computed once, so that each click after that is a few dot products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_calcdyn.gui.background.status import Status, timed
from napari_calcdyn.gui.plots.trace_plot import PREDICTED, RAW, RECONSTRUCTED

from .inputs import Inputs
from .regions import Region

if TYPE_CHECKING:
    import threading

    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.analysis.influence.region import Drivers
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, RoiSet, Traces
    from napari_calcdyn.recording.progress import ProgressCallback

Stage = Callable[[str], "ProgressCallback"]
"""Called with the words of a stage; returns its progress callback."""
GetLatents = Callable[["Movie", "VARAutoencoder", "ProgressCallback | None"], "NDArray[np.float32]"]


@dataclass(frozen=True, eq=False)
class Readouts:
    """How the latents make up the traces of the ROIs: ``level + weights · z[t]``, in movie units.

    Parameters
    ----------
    weights : ndarray (N, d), float32
        Encoded footprints; of traces with their neuropil subtracted, that too.
    levels : ndarray (N,), float32
        What the still picture adds.
    footprints : ndarray (N, d), float32
        Encoded footprints alone: what the sources are ranked by.
    """

    weights: NDArray[np.float32]
    levels: NDArray[np.float32]
    footprints: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What is known of a recording, its model and its ROIs; made by `prepare`.

    Parameters
    ----------
    inputs : Inputs
        What it was computed from.
    latents : ndarray (T, d), float32
        Of the recording.
    covariances : list of ndarray or csr_array (d, d), float32
        See `analysis.influence.region.lagged_covariances`.
    readouts : Readouts or None
        Of the ROIs.
    raw : Traces or None
        Of the ROIs: those of the session, or fluorescence where it has none.
    influence : Influence or None
        Of the ROIs.
    """

    inputs: Inputs
    latents: NDArray[np.float32]
    covariances: list[Any]
    readouts: Readouts | None
    raw: Traces | None
    influence: Influence | None

    @property
    def unit(self) -> str:
        """Of all traces."""
        return self.raw.unit if self.raw is not None else "fluorescence"

    @property
    def complete(self) -> bool:
        """Whether the influence is there, or there are no ROIs that it could be of."""
        return self.inputs.rois is None or self.influence is not None

    @cached_property
    def _rows(self) -> dict[int, int]:
        rois = self.inputs.rois
        return {} if rois is None else {int(number): row for row, number in enumerate(rois.ids)}

    def inspect(self, region: Region, raw: NDArray[np.float32] | None = None) -> Inspected:
        """Compute what is shown of a region.

        Parameters
        ----------
        region : Region
            One of the ROIs, or any other.
        raw : ndarray (T,), optional
            Trace of a region that is none of the ROIs, in movie units, where it was read already.

        Returns
        -------
        Inspected

        Raises
        ------
        InputError
            If the region belongs to frames of another size.
        """
        from napari_calcdyn.analysis.influence.region import drivers
        from napari_calcdyn.analysis.influence.roi_prediction import predicted_like

        model, var = self.inputs.model, self.inputs.var
        row = None if region.roi is None else self._rows[region.roi]
        readouts = self.readouts if row is not None else _read_out_region(model, region)
        assert readouts is not None
        weights, level, footprint = (
            it[row or 0] for it in (readouts.weights, readouts.levels, readouts.footprints)
        )
        driving = drivers(footprint, self.latents, var)
        cells = self.inputs.cells
        if cells is not None:
            predicted = level + cells.fitted.predict_readout(self.latents, cells.activity, weights[None])[0]
        else:
            same = readouts.weights is readouts.footprints
            whole = driving if same else drivers(weights, self.latents, var)
            still = np.float32(level + weights @ var.mean)
            predicted = still + whole.contributions.sum(axis=0)
            predicted[: var.order] = np.nan  # which a sum over no sources is not
        computed = {RECONSTRUCTED: level + self.latents @ weights, PREDICTED: predicted}
        if row is None and raw is not None:
            computed = {RAW: raw, **computed}
        values = np.stack(list(computed.values()))
        if self.raw is not None:
            values = predicted_like(values, self.raw)
        curves = dict(zip(computed, values, strict=True))
        problem = ""
        if row is not None and self.raw is not None:
            curves = {RAW: self.raw.values[row], **curves}
            problem = self.raw.problems[row] or ""
        return Inspected(region, curves, driving, bool(footprint.any()), problem)


@dataclass(frozen=True, eq=False)
class Inspected:
    """What is shown of one region.

    Parameters
    ----------
    region : Region
        Which one.
    curves : dict of str to ndarray (T,)
        Its traces by kind, all in one unit.
    drivers : Drivers
        The sources that drive it.
    reached : bool
        Whether any latent reaches it.
    problem : str
        Why its raw trace cannot be used; empty where it can.
    """

    region: Region
    curves: dict[str, NDArray[np.float32]]
    drivers: Drivers
    reached: bool
    problem: str


def prepare(
    inputs: Inputs,
    before: Prepared | None,
    latents_of: GetLatents,
    stage: Stage,
    ready: Callable[[Prepared], None],
) -> Prepared:
    """Compute what every click needs, and nothing that is known already; call it off the GUI thread.

    Parameters
    ----------
    inputs : Inputs
        What to compute it from.
    before : Prepared, optional
        What was computed last, of which all that still holds is kept.
    latents_of : callable
        ``latents_of(movie, model, progress)`` returns the latents of the recording.
    stage : callable
        Called with the words of each stage of the work; returns its progress callback.
    ready : callable
        Called with all but the influence, which takes longest, once that is there.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        If ROIs or traces do not belong to the recording.
    Cancelled
        If a progress callback asked to stop.
    """
    from napari_calcdyn.analysis.influence.influence import roi_influence
    from napari_calcdyn.analysis.influence.region import lagged_covariances

    def kept(name: str, *fields: str) -> Any:
        return getattr(before, name) if before is not None and before.inputs.same(inputs, *fields) else None

    movie, model, rois = inputs.movie, inputs.model, inputs.rois
    latents = latents_of(movie, model, stage("Encoding the recording"))
    covariances = kept("covariances", "movie", "model")
    if covariances is None:
        covariances = lagged_covariances(latents, model.var, stage("Relating the sources"))
    if rois is None:
        return Prepared(inputs, latents, covariances, None, None, None)
    raw = kept("raw", "movie", "rois", "traces") or _traces(inputs, stage)
    readouts = kept("readouts", "model", "rois", "traces") or _read_out(model, rois, raw)
    if inputs.cells is not None:
        return Prepared(inputs, latents, covariances, readouts, raw, inputs.cells.influence)
    influence = kept("influence", "movie", "model", "rois", "cells")
    if influence is None:
        ready(Prepared(inputs, latents, covariances, readouts, raw, None))
        finding = stage("Finding which ROI drives which")
        influence = roi_influence(movie, rois, order=model.var.order, progress=finding)
    return Prepared(inputs, latents, covariances, readouts, raw, influence)


def stages(report: Callable[[Status], None], stop: threading.Event) -> Stage:
    """Return a `Stage` that reports each stage's progress as `Status`, and stops where the event says so."""

    def stage(words: str) -> ProgressCallback:
        report(Status("inspector", f"{words} …"))
        return timed("inspector", f"{words} …", report, stop)

    return stage


def _traces(inputs: Inputs, stage: Stage) -> Traces:
    from napari_calcdyn.recording import extract_traces

    if inputs.traces is not None:
        return inputs.traces
    assert inputs.rois is not None
    return extract_traces(inputs.movie, inputs.rois, progress=stage("Extracting traces"))


def _read_out_region(model: VARAutoencoder, region: Region) -> Readouts:
    from napari_calcdyn.models.roi_var import encoded_footprints

    pixels = region.rois.within(np.isfinite(model.offset)).footprints
    encoded = encoded_footprints(model, pixels)
    return Readouts(encoded, pixels @ np.nan_to_num(model.offset.ravel()), encoded)


def _read_out(model: VARAutoencoder, rois: RoiSet, raw: Traces) -> Readouts:
    from napari_calcdyn.analysis.influence.roi_prediction import trace_weights
    from napari_calcdyn.models.roi_var import encoded_footprints

    rois = rois.within(np.isfinite(model.offset))
    pixels = trace_weights(rois, raw)
    footprints = encoded_footprints(model, rois.footprints)
    weights = footprints if pixels is rois.footprints else encoded_footprints(model, pixels)
    return Readouts(weights, pixels @ np.nan_to_num(model.offset.ravel()), footprints)
