"""Frames and pixels that are left out take part in no lag, window, estimate or loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_calcdyn.analysis.influence import influence_test
from napari_calcdyn.analysis.maps import contribution_maps, contribution_movie, edge_map
from napari_calcdyn.analysis.what_if import forecast, forecast_error
from napari_calcdyn.models.var import Selection, fit_var
from napari_calcdyn.models.var.moments import lagged, with_past
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.recording.quality import correct_movie
from napari_calcdyn.simulate import simulate_movie

FRAMES = 260
TRUTH = simulate_movie(frames=FRAMES, height=48, width=48, seed=1)


def masked_movie(content: float) -> Movie:
    """A movie with frames and pixels that are left out, in which there is `content`."""
    rng = np.random.default_rng(0)
    frames = TRUTH.movie.astype(np.float32)
    valid_frames, valid_pixels = rng.random(FRAMES) > 0.04, np.ones((48, 48), bool)
    valid_frames[100:112] = False
    valid_pixels[:5], valid_pixels[20:23, 30:33] = False, False
    frames[~valid_frames] = content
    frames[:, ~valid_pixels] = content * 2
    return Movie.from_array(frames).corrected(Corrections(("frames", "pixels"), valid_frames, valid_pixels))


@pytest.fixture(scope="module")
def movie() -> Movie:
    return masked_movie(1e5)


@pytest.fixture(scope="module")
def model(movie: Movie) -> VARAutoencoder:
    return VARAutoencoder(preset="quick", steps=60, latents=16).fit(movie, device="cpu")


def test_only_whole_samples_are_kept() -> None:
    windows = torch.arange(24.0).view(2, 6, 2)
    valid = torch.ones(2, 6, dtype=torch.bool)
    valid[0, 2] = False
    predictors, targets = lagged(windows, 2, valid)
    whole = with_past(valid, 2)
    assert whole.tolist() == [[False, False, False, True], [True] * 4]
    everything = lagged(windows, 2)
    assert torch.equal(targets, everything[1][whole.flatten()])
    assert torch.equal(predictors, everything[0][whole.flatten()])


def test_a_gap_in_time_is_never_joined() -> None:
    latents = np.random.default_rng(1).normal(size=(400, 5)).cumsum(0) % 7
    gap = latents.copy()
    gap[150:160] = np.nan
    pieces = [latents[:150], latents[160:]]
    found = fit_var(gap, 2, Selection())
    mean = np.concatenate(pieces).mean(0)
    np.testing.assert_allclose(found.mean, mean)
    n, gram = 0, 0
    for piece in pieces:
        past = np.hstack([piece[1:-1], piece[:-2]])
        centred = (past - np.tile(mean, 2)) / np.tile(found.std, 2)
        n, gram = n + len(past), gram + centred.T @ centred
    np.testing.assert_allclose(found.moments.gram.numpy(), gram / n, atol=1e-9)
    predicted = found.predict(gap)
    assert np.isfinite(predicted).all()
    np.testing.assert_allclose(predicted[155], mean, rtol=1e-5)


def test_what_is_left_out_does_not_matter(movie: Movie, model: VARAutoencoder) -> None:
    """The same model comes out whatever is in the frames and pixels that are left out."""
    other_movie = masked_movie(-3e4)
    other = VARAutoencoder(preset="quick", steps=60, latents=16).fit(other_movie, device="cpu")
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[name])
    np.testing.assert_array_equal(model.var.coefficients, other.var.coefficients)
    for name in ("reconstruction_error", "latent_prediction_error", "picture_prediction_error"):
        assert model.metrics[name] == other.metrics[name]
    maps, others = contribution_maps(model, movie), contribution_maps(other, other_movie)
    np.testing.assert_array_equal(maps.explained, others.explained)


def test_maps_are_empty_where_pixels_are_left_out(movie: Movie, model: VARAutoencoder) -> None:
    maps = contribution_maps(model, movie)
    for image in (maps.explained, maps.amplitude, maps.sources[3], edge_map(model, movie, 1, 1)):
        np.testing.assert_array_equal(np.isnan(image), ~movie.valid_pixels)
    valid = movie.valid_pixels
    whole = maps.explained[valid]
    np.testing.assert_allclose(maps.sources.sum(0)[valid], whole, atol=1e-3 * whole.max())
    shown = contribution_movie(model, movie)
    bad = int(np.flatnonzero(~movie.valid_frames)[0])
    assert not np.nan_to_num(shown[bad + 1].compute()).any()
    assert np.isnan(shown[bad + 3].compute()[0]).all()


def test_the_explained_map_is_the_mean_over_whole_samples(movie: Movie, model: VARAutoencoder) -> None:
    latents = model.encode(movie)
    known = np.isfinite(latents).all(1)
    np.testing.assert_array_equal(known, movie.valid_frames)
    whole = known[1:] & known[:-1]
    predicted = model.decode(model.var.predict(latents)[1:][whole]) - model.decode(model.var.mean[None])
    actual = movie.frames(1, FRAMES)[whole] - movie.mean_frame()
    expected = (predicted * actual).mean(0, dtype=np.float64)
    found = contribution_maps(model, movie, var=model.var, sources=False).explained
    valid = movie.valid_pixels
    np.testing.assert_allclose(found[valid], expected[valid], atol=2e-3 * np.nanmax(found))


def test_influence_and_forecasts_leave_gaps(movie: Movie, model: VARAutoencoder) -> None:
    latents = model.encode(movie)
    found = influence_test(movie, TRUTH.rois, surrogates=19)
    off = ~np.eye(len(TRUTH.rois), dtype=bool)
    assert np.isfinite(found.p_values[off]).mean() > 0.8  # all but neighbours that share light
    assert np.isfinite(found.strength).all()
    error = forecast_error(model, latents, None, 208, 5)
    assert np.isfinite(error.latents).all()
    assert error.latents[0] == pytest.approx(model.metrics["latent_prediction_error"], rel=1e-4)
    with pytest.raises(InputError, match="left out as bad"):
        forecast(model.var, latents, 105, 3)


def test_a_model_corrects_another_recording_as_its_own(tmp_path: Path) -> None:
    moving = simulate_movie(frames=300, height=64, width=64, motion=1.0, seed=2).movie
    first = correct_movie(Movie.from_array(moving))
    model = VARAutoencoder(preset="quick", steps=20, latents=16).fit(first, device="cpu")
    model.save(tmp_path / "model")
    loaded = VARAutoencoder.load(tmp_path / "model", device="cpu")
    assert loaded.corrections is not None
    assert loaded.corrections.kinds == ("motion",)
    displaced = Movie.from_array(np.roll(moving, (2, 1), (1, 2)))
    corrected = loaded.corrected(displaced)
    shift = np.median(corrected.corrections.shifts - first.corrections.shifts, 0)
    np.testing.assert_allclose(shift, (2, 1), atol=0.2)
    assert not (corrected.valid_pixels & ~first.valid_pixels).any()
    assert loaded.corrected(corrected) is corrected
    assert np.isfinite(loaded.encode(corrected)).all()


def test_too_many_bad_frames_are_one_sentence() -> None:
    valid = np.ones(FRAMES, bool)
    valid[215:] = False
    corrections = Corrections(("frames",), valid, np.ones((48, 48), bool))
    bad_end = Movie.from_array(TRUTH.movie).corrected(corrections)
    with pytest.raises(InputError, match="measure errors on"):
        VARAutoencoder(preset="quick").fit(bad_end, device="cpu")
    every_third = np.arange(FRAMES) % 3 > 0
    scattered = Movie.from_array(TRUTH.movie).corrected(
        Corrections(("frames",), every_third, np.ones((48, 48), bool))
    )
    with pytest.raises(InputError, match="hardly any stretch"):
        VARAutoencoder(preset="quick", order=2).fit(scattered, device="cpu")


def test_a_training_that_diverges_ends_with_a_sentence() -> None:
    model = VARAutoencoder(learning_rate=1.0, steps=150, latents=16)
    with pytest.raises(InputError, match=r"diverged, .* choose a smaller learning rate"):
        model.fit(Movie.from_array(TRUTH.movie), device="cpu")
    with pytest.raises(InputError, match="not fitted"):
        _ = model.network
