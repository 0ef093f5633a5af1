"""Predicted traces of ROIs against frames decoded one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from napari_calcdyn.analysis.influence.roi_prediction import predicted_like, predicted_traces, trace_weights
from napari_calcdyn.analysis.maps import contribution_movie
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie, RoiSet, extract_traces
from napari_calcdyn.recording.traces.baseline import Baseline, delta_f_over_f
from napari_calcdyn.simulate.movie import simulate_movie


@pytest.fixture(scope="module", params=[(1, 30), (2, 17)], ids=["p1", "p2, empty places"])
def fitted(request: pytest.FixtureRequest) -> tuple[VARAutoencoder, Movie]:
    order, latents = request.param
    movie = Movie.from_array(simulate_movie(frames=120, height=37, width=45, dynamic=4).movie)
    config = VARAutoencoderConfig.preset(
        "quick",
        steps=30,
        latents=latents,
        order=order,
        selection="fraction",
        fraction=0.1,
        penalise_own_past=True,
    )
    fit = VARAutoencoder(config).fit_steps(movie, device="cpu")
    while True:
        try:
            next(fit)
        except StopIteration as finished:
            return finished.value, movie


def test_it_is_the_mean_in_the_footprint_of_the_decoded_prediction(
    fitted: tuple[VARAutoencoder, Movie],
) -> None:
    model, movie = fitted
    random = np.random.default_rng(0)
    footprints = random.random((4, movie.frame_shape[0] * movie.frame_shape[1])) < 0.05
    footprints = footprints / footprints.sum(axis=1, keepdims=True)
    footprints[3] -= footprints[0]  # as with a neuropil that is subtracted
    order = model.var.order
    found = predicted_traces(model, model.encode(movie), sparse.csr_array(footprints))
    # The contribution is what the prediction adds to the picture of the latents' mean.
    background = model.decode(model.var.mean[None])[0]
    frames = np.asarray(contribution_movie(model, movie))[order:] + background
    expected = footprints @ frames.reshape(len(frames), -1).T
    assert found.shape == (4, movie.n_frames)
    assert found.dtype == np.float32
    assert np.isnan(found[:, :order]).all()
    assert np.allclose(found[:, order:], expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert np.std(expected, axis=1).min() > 0


def test_another_point_of_the_path_predicts_something_else(fitted: tuple[VARAutoencoder, Movie]) -> None:
    model, movie = fitted
    footprints = np.zeros((1, 37 * 45), np.float32)
    footprints[0, 500:520] = 0.05
    latents = model.encode(movie)
    order = model.var.order
    nothing = predicted_traces(model, latents, footprints, var=model.var.at(fraction=1.0))[:, order:]
    assert np.ptp(nothing) == pytest.approx(0, abs=1e-3)  # no coefficients: the mean, at all times
    assert np.ptp(predicted_traces(model, latents, footprints)[:, order:]) > 1e-3


def test_rois_of_another_frame_size_are_refused(fitted: tuple[VARAutoencoder, Movie]) -> None:
    model, movie = fitted
    with pytest.raises(InputError, match="trained on frames of 37 × 45"):
        predicted_traces(model, model.encode(movie), np.zeros((1, 100), np.float32))


@pytest.mark.parametrize("neuropil", [None, 0.7])
def test_it_goes_the_way_of_the_traces(fitted: tuple[VARAutoencoder, Movie], neuropil: float | None) -> None:
    model, movie = fitted
    movie.frame_rate = 10.0
    labels = np.zeros(movie.frame_shape, int)
    labels[4:9, 5:10], labels[20:26, 30:36] = 3, 8
    rois = RoiSet.from_labels(labels)
    baseline = Baseline(method="running percentile", window_s=3.0)
    traces = delta_f_over_f(extract_traces(movie, rois, neuropil=neuropil), baseline)
    weights = trace_weights(rois, traces)
    found = predicted_like(predicted_traces(model, model.encode(movie), weights), traces)
    # The same as extracting from the predicted movie; its first frames are those of the recording.
    order = model.var.order
    frames = np.asarray(contribution_movie(model, movie)) + model.decode(model.var.mean[None])[0]
    frames[:order] = frames[order]
    predicted = Movie.from_array(frames, frame_rate=10.0)
    expected = delta_f_over_f(extract_traces(predicted, rois, neuropil=neuropil), baseline).values
    assert np.isnan(found[:, :order]).all()
    assert np.allclose(found[:, order:], expected[:, order:], rtol=0, atol=1e-4 * np.abs(expected).max())
