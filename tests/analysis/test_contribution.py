"""Contribution maps against their definition, computed the long way in NumPy."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_calcdyn.analysis.maps import (
    ContributionMaps,
    contribution_maps,
    contribution_movie,
    edge_map,
    reconstruction_movie,
)
from napari_calcdyn.models.var_autoencoder import windows
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, InputError, Movie
from napari_calcdyn.simulate.movie import simulate_movie


@dataclass
class Fitted:
    movie: Movie
    model: VARAutoencoder
    maps: ContributionMaps
    latents: NDArray[np.float32]

    @property
    def prediction(self) -> NDArray[np.float32]:
        """``s (D(ẑ[t]) − D(μ))`` for all frames that have a past, (T − p, Y, X)."""
        var = self.model.var
        predicted = var.predict(self.latents)[var.order :]
        return self.model.decode(predicted) - self.model.decode(var.mean[None])

    @property
    def deviation(self) -> NDArray[np.float64]:
        """``x[t] − m`` for the same frames."""
        frames = self.movie.frames(0, self.movie.n_frames).astype(np.float64)
        return (frames - frames.mean(0))[self.model.var.order :]


def trained(movie: Movie, **settings: object) -> VARAutoencoder:
    config = VARAutoencoderConfig.preset(
        "quick", steps=40, latents=30, selection="fraction", fraction=0.1, penalise_own_past=True, **settings
    )
    fit = VARAutoencoder(config).fit_steps(movie, device="cpu")
    while True:
        try:
            next(fit)
        except StopIteration as finished:
            return finished.value


@pytest.fixture(scope="module", params=[(1, True), (2, True), (3, False)], ids=["p1", "p2", "p3 no skip"])
def fitted(request: pytest.FixtureRequest) -> Fitted:
    order, skip = request.param
    # 37 × 50 pixels: not a multiple of the tiles in which the maps are split
    simulated = simulate_movie(frames=120, height=37, width=50, dynamic=3, silent=1, flicker=1, seed=1)
    movie = Movie.from_array(simulated.movie)
    model = trained(movie, order=order, skip=skip)
    assert np.count_nonzero(model.var.coefficients) > 20
    return Fitted(movie, model, contribution_maps(model, movie, var=model.var), model.encode(movie))


def relative(difference: NDArray[np.floating], of: NDArray[np.floating]) -> float:
    return float(np.abs(difference).max() / np.abs(of).max())


def test_contributions_of_all_sources_are_complete(fitted: Fitted) -> None:
    sources = range(fitted.model.network.latents)
    total = sum(np.asarray(contribution_movie(fitted.model, fitted.movie, source=k)[10:20]) for k in sources)
    order = fitted.model.var.order
    prediction = fitted.prediction[10 - order : 20 - order]
    assert relative(total - prediction, prediction) < 1e-3


def test_explained_and_amplitude_are_as_defined(fitted: Fitted) -> None:
    prediction = fitted.prediction
    explained = (prediction * fitted.deviation).mean(0)
    assert relative(fitted.maps.explained - explained, explained) < 1e-4
    amplitude = np.abs(prediction).mean(0)
    assert relative(fitted.maps.amplitude - amplitude, amplitude) < 1e-4


def test_sources_split_the_explained_map(fitted: Fitted) -> None:
    assert fitted.maps.sources.shape == (30, 37, 50)
    assert relative(fitted.maps.sources.sum(0) - fitted.maps.explained, fitted.maps.explained) < 1e-4


def test_map_of_a_source_is_as_defined(fitted: Fitted) -> None:
    order = fitted.model.var.order
    source = int(np.abs(fitted.maps.sources).sum((1, 2)).argmax())
    contribution = np.asarray(contribution_movie(fitted.model, fitted.movie, source=source))[order:]
    expected = (contribution * fitted.deviation).mean(0)
    assert relative(fitted.maps.sources[source] - expected, expected) < 1e-4


def test_edges_add_up_to_their_source(fitted: Fitted) -> None:
    source = int(np.abs(fitted.maps.sources).sum((1, 2)).argmax())
    edges = np.argwhere(fitted.model.var.coefficients[:, :, source])
    assert len(edges) > 1
    total = sum(edge_map(fitted.model, fitted.movie, source, target, lag + 1) for lag, target in edges)
    assert relative(total - fitted.maps.sources[source], fitted.maps.sources[source]) < 1e-4


def test_edge_that_is_not_there_explains_nothing(fitted: Fitted) -> None:
    lag, target, source = np.argwhere(fitted.model.var.coefficients == 0)[0]
    assert not edge_map(fitted.model, fitted.movie, int(source), int(target), int(lag) + 1).any()


@pytest.mark.parametrize("batch", [1, 2, 50])
def test_blocks_do_not_matter(fitted: Fitted, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_BATCH_BYTES", batch * 4 * 37 * 50)
    maps = contribution_maps(fitted.model, fitted.movie, var=fitted.model.var)
    for name in ("explained", "amplitude", "sources"):
        whole = np.asarray(getattr(fitted.maps, name))
        assert relative(getattr(maps, name) - whole, whole) < 1e-5


def test_only_the_sources_asked_for(fitted: Fitted) -> None:
    some = contribution_maps(fitted.model, fitted.movie, var=fitted.model.var, sources=[7, 3])
    np.testing.assert_allclose(some.sources, fitted.maps.sources[[7, 3]], rtol=1e-4, atol=1e-4)
    none = contribution_maps(fitted.model, fitted.movie, var=fitted.model.var, sources=False)
    assert none.sources.shape == (0, 37, 50)
    np.testing.assert_array_equal(none.explained, some.explained)
    assert relative(none.explained - fitted.maps.explained, fitted.maps.explained) < 1e-5


def test_another_point_of_the_path(fitted: Fitted) -> None:
    empty = contribution_maps(fitted.model, fitted.movie, var=fitted.model.var.at(fraction=1.0))
    assert not empty.explained.any()
    assert not np.asarray(empty.sources).any()
    fuller = fitted.model.var.at(fraction=0.03)
    assert fuller.nonzeros > fitted.model.var.nonzeros
    maps = contribution_maps(fitted.model, fitted.movie, var=fuller)
    denser = copy.copy(fitted.model)
    denser.var = fuller
    other = Fitted(fitted.movie, denser, maps, fitted.latents)
    explained = (other.prediction * fitted.deviation).mean(0)
    assert relative(maps.explained - explained, explained) < 1e-4
    assert relative(maps.sources.sum(0) - explained, explained) < 1e-4
    assert relative(maps.explained - fitted.maps.explained, explained) > 1e-3


def test_by_default_the_maps_rest_on_the_steady_var_and_smoothed_frames(fitted: Fitted) -> None:
    model, movie = fitted.model, fitted.movie
    steady = model.steady
    assert steady.order == 5
    assert 0.2 < steady.smoothing < 1
    maps = contribution_maps(model, movie)
    sources = range(model.network.latents)
    total = sum(np.asarray(contribution_movie(model, movie, var=steady, source=k))[5:] for k in sources)
    frames = movie.frames(0, movie.n_frames).astype(np.float64)
    smooth = gaussian_filter(frames - frames.mean(0), (0, *[steady.smoothing] * 2), mode="nearest", radius=3)
    explained = (total * smooth[5:]).mean(0)
    assert relative(maps.explained - explained, explained) < 1e-3
    assert relative(maps.sources.sum(0) - maps.explained, explained) < 1e-4
    assert relative(maps.amplitude - np.abs(total).mean(0), maps.amplitude) < 1e-3
    source = int(np.abs(maps.sources).sum((1, 2)).argmax())
    edges = np.argwhere(steady.coefficients[:, :, source])
    parts = sum(edge_map(model, movie, source, target, lag + 1, var=steady) for lag, target in edges)
    assert relative(parts - maps.sources[source], maps.sources[source]) < 1e-4


def test_movies_are_lazy(fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, int]] = []
    frames = Movie.frames

    def watched(self: Movie, start: int, stop: int) -> NDArray[np.uint16]:
        read.append((start, stop))
        return frames(self, start, stop)

    monkeypatch.setattr(Movie, "frames", watched)
    contribution = contribution_movie(fitted.model, fitted.movie)
    reconstruction = reconstruction_movie(fitted.model, fitted.movie)
    assert contribution.shape == reconstruction.shape == fitted.movie.shape
    assert contribution.dtype == reconstruction.dtype == np.float32
    assert read == []

    order = fitted.model.var.order
    shown = np.asarray(contribution[90])
    assert relative(shown - fitted.prediction[90 - order], shown) < 1e-3
    np.testing.assert_allclose(
        np.asarray(reconstruction[90]), fitted.model.decode(fitted.latents[90:91])[0], rtol=1e-4
    )
    assert read == [(90 - order, 90), (90, 91)]
    assert not np.asarray(contribution[:order]).any()
    assert np.asarray(contribution[50:60:3, 5:9, -1]).shape == (4, 4)


def test_progress_and_cancel(fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "_BATCH_BYTES", 50 * 4 * 37 * 50)
    seen: list[tuple[int, int]] = []
    contribution_maps(fitted.model, fitted.movie, progress=lambda *news: seen.append(news))
    assert seen == [(50, 120), (100, 120), (120, 120)]
    with pytest.raises(Cancelled):
        contribution_maps(fitted.model, fitted.movie, progress=lambda done, total: True)


def test_what_cannot_be_mapped(fitted: Fitted) -> None:
    model, movie = fitted.model, fitted.movie
    other = Movie.from_array(movie.frames(0, 20)[:, 1:], name="other")
    for compute in (contribution_maps, contribution_movie, reconstruction_movie):
        with pytest.raises(InputError, match="trained on frames of 37 × 50 pixels and other has 36 × 50"):
            compute(model, other)
    with pytest.raises(InputError, match="no source 30: choose one from 0 to 29"):
        contribution_maps(model, movie, sources=[30])
    with pytest.raises(InputError, match="no source -1"):
        contribution_movie(model, movie, source=-1)
    with pytest.raises(InputError, match="no target 30"):
        edge_map(model, movie, 0, 30, 1)
    with pytest.raises(InputError, match="no lag 0: choose one from 1"):
        edge_map(model, movie, 0, 0, 0)
    bad = movie.frames(0, 40).astype(np.float32)
    bad[17, 5, 5] = np.nan
    with pytest.raises(InputError, match=r"NaN .*first in frame 17"):
        contribution_maps(model, Movie.from_array(bad))


def test_too_short_for_the_order() -> None:
    simulated = simulate_movie(frames=110, height=24, width=24, dynamic=2, silent=0, flicker=0)
    model = trained(Movie.from_array(simulated.movie), order=5)
    with pytest.raises(InputError, match="5 frames and the model looks 5 frames back"):
        contribution_maps(model, Movie.from_array(simulated.movie[:5]))


def test_maps_of_another_recording_use_its_own_mean() -> None:
    """A brighter second recording of one field must not light up the map by its brightness."""
    frames = simulate_movie(frames=240, height=24, width=32, dynamic=3, silent=1, flicker=1).movie
    model = trained(Movie.from_array(frames[:120]))
    other = Movie.from_array(frames[120:].astype(np.float32) + 300)
    latents = model.encode(other)
    predicted = model.decode(model.var.predict(latents))[1:] - model.decode(model.var.mean[None])
    deviation = other.frames(1, other.n_frames) - other.mean_frame()
    expected = (predicted * deviation).mean(0)
    explained = contribution_maps(model, other, var=model.var, sources=False).explained
    np.testing.assert_allclose(explained, expected, atol=1e-3 * np.abs(expected).max())
