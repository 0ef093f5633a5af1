"""What drives a region, against frames decoded one by one."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.analysis.influence.region import drivers, lagged_covariances, sources_map
from napari_calcdyn.analysis.influence.roi_prediction import predicted_traces
from napari_calcdyn.analysis.maps import contribution_maps, contribution_movie
from napari_calcdyn.models.roi_var import encoded_footprints
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, Movie
from napari_calcdyn.simulate.movie import simulate_movie

ORDER = 2


@pytest.fixture(scope="module")
def fitted() -> tuple[VARAutoencoder, Movie]:
    movie = Movie.from_array(simulate_movie(frames=150, height=37, width=45, dynamic=4).movie)
    config = VARAutoencoderConfig.preset(
        "quick", steps=40, latents=20, order=ORDER, selection="fraction", fraction=0.2, penalise_own_past=True
    )
    fit = VARAutoencoder(config).fit_steps(movie, device="cpu")
    while True:
        try:
            next(fit)
        except StopIteration as finished:
            return finished.value, movie


@pytest.fixture(scope="module")
def latents(fitted: tuple[VARAutoencoder, Movie]) -> np.ndarray:
    model, movie = fitted
    return model.encode(movie)


@pytest.fixture(scope="module")
def footprint() -> np.ndarray:
    """One round region, its weights of sum 1; (1, Y·X)."""
    inside = np.hypot(*np.mgrid[-18:19, -20:25]) < 6
    return np.asarray(inside / inside.sum(), np.float32).reshape(1, -1)


def test_scores_are_those_of_the_contribution_movies(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, footprint: np.ndarray
) -> None:
    model, movie = fitted
    found = drivers(encoded_footprints(model, footprint)[0], latents, model.var)
    assert len(found.sources) > 2
    for position in (0, 1, len(found.sources) - 1):
        source = int(found.sources[position])
        frames = np.asarray(contribution_movie(model, movie, source=source)).reshape(movie.n_frames, -1)
        expected = (frames @ footprint[0])[ORDER:]
        assert np.isnan(found.contributions[position, :ORDER]).all()
        assert np.allclose(found.contributions[position, ORDER:], expected, rtol=1e-3, atol=1e-4)
        assert found.scores[position] == pytest.approx(np.abs(expected).mean(), rel=1e-3, abs=1e-5)
    assert (np.diff(found.scores) <= 0).all()
    assert found.shares.sum() == pytest.approx(1, rel=1e-5)


def test_the_sources_add_up_to_the_prediction(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, footprint: np.ndarray
) -> None:
    model, _ = fitted
    readout = encoded_footprints(model, footprint)[0]
    for var in (model.var, model.var.at(fraction=0.02)):
        found = drivers(readout, latents, var)
        level = footprint[0] @ model.offset.ravel() + readout @ var.mean
        expected = predicted_traces(model, latents, footprint, var=var)[0]
        assert np.allclose(found.contributions.sum(axis=0) + level, expected, rtol=1e-4, equal_nan=True)


def test_lag_and_sign_are_those_of_the_largest_gain(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, footprint: np.ndarray
) -> None:
    model, _ = fitted
    readout = encoded_footprints(model, footprint)[0]
    found = drivers(readout, latents, model.var)
    effects = np.einsum("d,lds->ls", readout, model.var.coefficients)[:, found.sources]
    assert np.allclose(found.gains, effects, rtol=1e-4, atol=1e-5 * np.abs(effects).max())
    largest = np.abs(effects).argmax(axis=0)
    assert found.lags.tolist() == (largest + 1).tolist()
    assert found.signs.tolist() == np.sign(effects[largest, range(len(largest))]).tolist()
    left_out = np.setdiff1d(np.arange(model.network.latents), found.sources)
    silent = np.einsum("d,lds->ls", readout, model.var.coefficients)[:, left_out]
    assert not silent.any()


def test_the_leading_sources_are_the_fewest_that_make_up_a_part(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, footprint: np.ndarray
) -> None:
    model, _ = fitted
    found = drivers(encoded_footprints(model, footprint)[0], latents, model.var)
    for part in (0.3, 0.8, 1.0):
        count = len(found.leading(part))
        assert found.shares[:count].sum() >= part - 1e-5
        assert found.shares[: count - 1].sum() < part
    assert found.leading(0.0).tolist() == found.sources[:1].tolist()


def test_a_region_that_nothing_reaches_has_no_drivers(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, footprint: np.ndarray
) -> None:
    model, _ = fitted
    nowhere = drivers(np.zeros(model.network.latents, np.float32), latents, model.var)
    silent = drivers(encoded_footprints(model, footprint)[0], latents, model.var.at(fraction=1.0))
    for found in (nowhere, silent):
        assert len(found.sources) == len(found.leading(0.8)) == 0
        assert found.contributions.shape == (0, len(latents))
        assert found.shares.shape == found.lags.shape == found.signs.shape == (0,)


def test_covariances_are_those_of_all_frames_that_have_a_past(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = fitted
    deviation = latents - model.var.mean
    expected = [
        deviation[ORDER:].T @ deviation[ORDER - lag : len(latents) - lag] / (len(latents) - ORDER)
        for lag in (1, 2)
    ]
    monkeypatch.setattr("napari_calcdyn.analysis.influence.region._FRAMES_AT_ONCE", 31)
    seen: list[tuple[int, int]] = []
    found = lagged_covariances(latents, model.var, lambda *at: seen.append(at))
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert len(seen) > 3
    assert seen[-1] == (150, 150)
    with pytest.raises(Cancelled):
        lagged_covariances(latents, model.var, lambda done, total: True)


def test_the_map_from_moments_is_the_explained_map_of_the_reconstruction(
    fitted: tuple[VARAutoencoder, Movie], latents: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly; and of the recording itself, all but what the network does not reconstruct."""
    model, movie = fitted
    covariances = lagged_covariances(latents, model.var)
    explained = np.asarray(contribution_maps(model, movie, var=model.var).sources).sum((1, 2))
    sources = explained.argsort()[-3:]
    monkeypatch.setattr("napari_calcdyn.analysis.influence.region._SOURCES_AT_ONCE", 2)  # of 3 sources
    found = sources_map(model, model.var, covariances, sources)
    decoded = model.decode(latents)
    actual = decoded - model.decode(model.var.mean[None])
    frames = sum(np.asarray(contribution_movie(model, movie, source=int(it))) for it in sources)
    expected = (frames * actual)[ORDER:].mean(axis=0)
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    recorded = contribution_maps(model, movie, var=model.var, sources=sources.tolist()).sources.sum(axis=0)
    assert np.corrcoef(found.ravel(), recorded.ravel())[0, 1] > 0.9
    assert not sources_map(model, model.var, covariances, np.array([], int)).any()
