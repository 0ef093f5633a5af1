"""Maps of a nonlinear network: sources add up to the total, which is what the movie gives frame by frame."""

import numpy as np
import pytest

from napari_calcdyn.analysis.maps import ContributionMaps, contribution_maps, edge_map
from napari_calcdyn.analysis.maps.contribution_movies import contribution_movie
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import Movie
from napari_calcdyn.simulate import simulate_movie

Mapped = tuple[VARAutoencoder, Movie, ContributionMaps]


@pytest.fixture(scope="module")
def mapped() -> Mapped:
    movie = Movie.from_array(simulate_movie(frames=100, height=21, width=32, seed=0).movie)
    config = VARAutoencoderConfig(network="convolutional", steps=15, kernels=16, latents=10, order=2)
    model = VARAutoencoder(config).fit(movie, device="cpu")
    return model, movie, contribution_maps(model, movie, var=model.var)


def test_sources_add_up_to_the_total(mapped: Mapped) -> None:
    maps = mapped[2]
    total = np.asarray(maps.sources).sum(0)
    assert np.linalg.norm(total - maps.explained) <= 1e-4 * np.linalg.norm(maps.explained)


def test_the_total_is_the_difference_of_decoded_frames(mapped: Mapped) -> None:
    model, movie, maps = mapped
    frames = movie.frames(0, movie.n_frames).astype(float)
    still = model.decode(model.var.mean[None])
    shown = (model.decode(model.var.predict(model.encode(movie))) - still)[2:]
    past = (frames - frames.mean(0))[2:]
    expected = (shown * past).mean(0)
    assert np.linalg.norm(maps.explained - expected) <= 1e-3 * np.linalg.norm(expected)
    np.testing.assert_allclose(
        maps.amplitude, np.abs(shown).mean(0), rtol=0, atol=1e-3 * maps.amplitude.max()
    )


def test_the_connections_of_a_source_add_up_to_its_map(mapped: Mapped) -> None:
    model, movie, maps = mapped
    tables = np.stack([np.asarray(it) for it in model.var.coefficients])
    source = int(np.abs(tables).sum((0, 1)).argmax())
    lags, targets = np.nonzero(tables[:, :, source])
    total = sum(
        edge_map(model, movie, source, int(j), int(lag) + 1) for lag, j in zip(lags, targets, strict=True)
    )
    one = maps.sources[source]
    assert np.linalg.norm(total - one) <= 1e-3 * np.linalg.norm(one)


def test_sources_add_up_in_every_frame(mapped: Mapped) -> None:
    model, movie, _ = mapped
    whole = np.asarray(contribution_movie(model, movie)[40])
    parts = sum(np.asarray(contribution_movie(model, movie, source=it)[40]) for it in range(10))
    assert np.linalg.norm(parts - whole) <= 1e-4 * np.linalg.norm(whole)
