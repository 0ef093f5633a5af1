"""Maps at any point of the path, from sums that are gathered once, are those of a pass for each point."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_calcdyn import VARAutoencoder
from napari_calcdyn.analysis.maps import PathMaps, contribution_maps
from napari_calcdyn.models.var import neighbours
from napari_calcdyn.recording import Cancelled, InputError, Movie
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate import simulate_movie

FRAMES = 160


def masked_movie(content: float) -> Movie:
    """A movie of 37 × 50 pixels with frames and pixels that are left out, in which there is `content`."""
    frames = simulate_movie(frames=FRAMES, height=37, width=50, dynamic=4, seed=2).movie.astype(np.float32)
    rng = np.random.default_rng(0)
    valid_frames, valid_pixels = rng.random(FRAMES) > 0.04, np.ones((37, 50), bool)
    valid_pixels[:5], valid_pixels[20:23, 30:33] = False, False
    frames[~valid_frames] = content
    frames[:, ~valid_pixels] = content
    return Movie.from_array(frames).corrected(Corrections(("frames", "pixels"), valid_frames, valid_pixels))


@pytest.fixture(scope="module")
def movie() -> Movie:
    return masked_movie(1e5)


@pytest.fixture(scope="module", params=[(1, True), (2, True), (1, False), (2, False)], ids=str)
def model(request: pytest.FixtureRequest, movie: Movie) -> VARAutoencoder:
    order, near = request.param
    with pytest.MonkeyPatch.context() as patch:
        if near:
            patch.setattr(neighbours, "MOST_FULL", 20)
            patch.setattr(neighbours, "RADIUS", 1.5)
        untrained = VARAutoencoder(preset="quick", steps=30, latents=40, order=order, penalise_own_past=True)
        fitted = untrained.fit(movie, device="cpu")
    assert (fitted.var.neighbourhoods is not None) == near
    return fitted


def same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.nanmax(np.abs(expected)))


def test_they_are_those_of_a_pass_for_each_point(movie: Movie, model: VARAutoencoder) -> None:
    paths = PathMaps.gather(model, movie)
    for fraction in (0.5, 0.1, 0.02, 0.0):
        var = model.var.at(fraction=fraction)
        expected = contribution_maps(model, movie, var=var)
        same(paths.explained(var), expected.explained)
        found = paths.sources(var)
        assert found.shape == expected.sources.shape
        same(np.asarray(found), np.asarray(expected.sources))
        same(found.sum(), expected.explained)
    assert not np.nan_to_num(paths.explained(model.var.at(fraction=1.0))).any()
    assert (np.isnan(paths.explained(model.var)) == ~movie.valid_pixels).all()


def test_the_memory_is_known_before(movie: Movie, model: VARAutoencoder) -> None:
    paths = PathMaps.gather(model, movie)
    products = paths._split._products
    assert products.numel() * products.element_size() == PathMaps.bytes_needed(model)
    near = model.var.neighbourhoods
    members = 40 if near is None else 16  # of a tile, at each lag
    pixels = (np.array(model.frame_shape) / model.network.stride + 1).prod() * model.network.stride**2
    assert PathMaps.bytes_needed(model) < 4 * 1.5 * pixels * members * model.var.order


def test_maps_of_sources_go_to_other_processes(movie: Movie, model: VARAutoencoder) -> None:
    maps = contribution_maps(model, movie, sources=[7, 3, 7]).sources
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(maps)), maps)
    np.testing.assert_array_equal(maps[0], maps[2])


def test_what_cannot_be_gathered(movie: Movie, model: VARAutoencoder) -> None:
    with pytest.raises(Cancelled):
        PathMaps.gather(model, movie, progress=lambda done, total: True)
    other = Movie.from_array(movie.frames(0, 20)[:, 1:], name="other")
    with pytest.raises(InputError, match="trained on frames of 37 × 50 pixels and other has 36 × 50"):
        PathMaps.gather(model, other)
    bad = np.nan_to_num(movie.frames(0, 40).astype(np.float32))
    bad[17, 8, 5] = np.nan
    with pytest.raises(InputError, match=r"NaN .*first in frame 17"):
        PathMaps.gather(model, Movie.from_array(bad))
