"""What is prepared for the Inspector: units, regions of any kind, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from inspector_scene import FIRST, FRAMES, RATE, SHAPE, chain_movie, six_cells, train

from napari_calcdyn.analysis.influence.roi_prediction import predicted_like, predicted_traces, trace_weights
from napari_calcdyn.gui.inspector.prepared import Inputs, Prepared, prepare
from napari_calcdyn.gui.inspector.regions import Region, read_trace, region_of_roi
from napari_calcdyn.gui.plots.trace_plot import PREDICTED, RAW, RECONSTRUCTED
from napari_calcdyn.recording import Cancelled, Movie, RoiSet, extract_traces
from napari_calcdyn.recording.traces.baseline import Baseline, delta_f_over_f


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    rois = six_cells()
    pixels = chain_movie(rois)
    model = train(pixels, steps=40)
    return Inputs(Movie.from_array(pixels, frame_rate=RATE), model, model.var, rois, None)


def ready(inputs: Inputs, before: Prepared | None = None, said: list[Any] | None = None) -> Prepared:
    def stage(words: str) -> Callable[[int, int], bool]:
        if said is not None:
            said.append(words)
        return lambda done, total: False

    return prepare(
        inputs,
        before,
        lambda movie, model, progress: model.encode(movie, progress),
        stage,
        lambda early: said.append(early) if said is not None else None,
    )


def test_curves_are_in_the_unit_of_the_traces(inputs: Inputs) -> None:
    """With neuropil subtracted, as ΔF/F: everything that was done to the raw trace is done to the others."""
    assert inputs.rois is not None
    raw = extract_traces(inputs.movie, inputs.rois, neuropil=0.7)
    traces = delta_f_over_f(raw, Baseline(method="percentile"))
    prepared = ready(replace(inputs, traces=traces))
    region = region_of_roi(inputs.rois, FIRST + 2)
    assert region is not None
    found = prepared.inspect(region)
    weights = trace_weights(inputs.rois, traces)[[2]]
    decoded = inputs.model.decode(prepared.latents).reshape(FRAMES, -1)
    predicted = predicted_traces(inputs.model, prepared.latents, weights)
    expected = predicted_like(np.concatenate([(weights @ decoded.T), predicted]).astype(np.float32), traces)
    assert list(found.curves) == [RAW, RECONSTRUCTED, PREDICTED]
    assert np.array_equal(found.curves[RAW], traces.values[2])
    for curve, wanted in zip((found.curves[RECONSTRUCTED], found.curves[PREDICTED]), expected, strict=True):
        assert np.allclose(curve, wanted, rtol=1e-2, atol=1e-3, equal_nan=True)
    assert prepared.unit == "ΔF/F"
    assert found.reached


def test_a_region_that_is_no_roi_is_treated_like_one(inputs: Inputs) -> None:
    assert inputs.rois is not None
    prepared = ready(inputs)
    assert prepared.raw is not None
    twin = Region("twin", inputs.rois.select([3]))
    raw = read_trace(inputs.movie, twin)
    assert np.allclose(raw, prepared.raw.values[3], rtol=1e-5)
    region = region_of_roi(inputs.rois, FIRST + 3)
    assert region is not None
    known, found = prepared.inspect(region), prepared.inspect(twin, raw)
    for kind, curve in known.curves.items():
        assert np.allclose(found.curves[kind], curve, rtol=1e-5, equal_nan=True)
    assert found.drivers.sources.tolist() == known.drivers.sources.tolist()
    assert np.allclose(twin.centre, inputs.rois.centres[3], atol=1e-4)
    assert RAW not in prepared.inspect(twin).curves  # before it was read
    corner = np.zeros((1, SHAPE[0] * SHAPE[1]), np.float32)
    corner[0, -1] = 1
    nowhere = prepared.inspect(Region("corner", RoiSet(corner, np.array([1]), SHAPE)))
    assert not nowhere.reached
    assert not len(nowhere.drivers.sources)
    assert np.isnan(nowhere.curves[PREDICTED][0])
    assert np.allclose(nowhere.curves[PREDICTED][1:], inputs.model.offset[-1, -1])
    with pytest.raises(Cancelled):
        read_trace(inputs.movie, twin, lambda done, total: True)


def test_what_still_holds_is_kept(inputs: Inputs) -> None:
    said: list[Any] = []
    first = ready(inputs, said=said)
    assert [it for it in said if isinstance(it, str)] == [
        "Encoding the recording",
        "Relating the sources",
        "Extracting traces",
        "Finding which ROI drives which",
    ]
    (early,) = [it for it in said if isinstance(it, Prepared)]
    assert early.influence is None  # clicks are answered before the arrows are there
    assert early.readouts is first.readouts
    sparser = ready(replace(inputs, var=inputs.model.var.at(fraction=0.5)), first)
    assert sparser.influence is first.influence
    assert sparser.readouts is first.readouts
    assert sparser.covariances is first.covariances
    fewer = ready(replace(inputs, rois=six_cells().select([0, 2])), first)
    assert fewer.covariances is first.covariances
    assert fewer.influence is not None
    assert fewer.influence.ids.tolist() == [FIRST, FIRST + 2]
    assert ready(replace(inputs, rois=None), first).influence is None
