"""With thousands of latents nothing takes d² numbers; with few, sparse tables give what full ones give."""

from __future__ import annotations

import copy
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from napari_calcdyn import VARAutoencoder
from napari_calcdyn.analysis.influence.region import drivers, lagged_covariances, sources_map
from napari_calcdyn.analysis.maps import PathMaps, contribution_maps, contribution_movie, edge_map
from napari_calcdyn.analysis.sequences.maps import Condition, comparison_maps
from napari_calcdyn.analysis.what_if import forecast, forecast_error, impulse_response, source_push
from napari_calcdyn.jobs.comparison import compare
from napari_calcdyn.jobs.maps import run
from napari_calcdyn.models.roi_var import encoded_footprints
from napari_calcdyn.models.var import VAR, SteadyVAR, neighbours
from napari_calcdyn.recording import Movie
from napari_calcdyn.simulate import simulate_movie

MANY = 3136


class LargestTensor(TorchDispatchMode):
    """Notes the size of the largest tensor that is made."""

    values = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = function(*args, **(kwargs or {}))
        made = result if isinstance(result, (list, tuple)) else [result]
        sizes = [it.numel() for it in made if isinstance(it, torch.Tensor) and it.layout == torch.strided]
        self.values = max([self.values, *sizes])
        return result


def recording(side: int) -> Movie:
    return Movie.from_array(simulate_movie(frames=120, height=side, width=side, dynamic=6, seed=1).movie)


@pytest.fixture(scope="module")
def large() -> Movie:
    return recording(56)


@pytest.fixture(scope="module")
def many(large: Movie) -> VARAutoencoder:
    """One latent for each pixel: the smallest frames that have so many."""
    model = VARAutoencoder(preset="quick", steps=10, latents=MANY, order=2).fit(large, device="cpu")
    assert model.var.neighbourhoods is not None
    return model


@pytest.fixture
def small_arrays() -> Iterator[None]:
    """Nothing made in a test is a table of all latents with all latents, or a map of each."""
    tracemalloc.start()
    with LargestTensor() as tensors:
        yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MANY**2  # bytes: one table (d, d) in single precision
    assert tensors.values < MANY**2 / 2


@pytest.mark.usefixtures("small_arrays")
def test_maps_of_many_latents_take_no_full_table(large: Movie, many: VARAutoencoder) -> None:
    maps = contribution_maps(many, large, var=many.var)
    assert np.isfinite(maps.sources[7]).all()
    paths = PathMaps.gather(many, large)
    assert np.isfinite(paths.explained(many.var.at(fraction=0.3))).all()
    assert edge_map(many, large, 7, 8).shape == contribution_movie(many, large, source=3)[5].compute().shape


@pytest.mark.usefixtures("small_arrays")
def test_steady_maps_of_many_latents_take_no_full_table(large: Movie, many: VARAutoencoder) -> None:
    assert np.isfinite(contribution_maps(many, large, sources=[3, 9]).explained).all()


@pytest.mark.usefixtures("small_arrays")
def test_predictions_of_many_latents_take_no_full_table(large: Movie, many: VARAutoencoder) -> None:
    latents = many.encode(large)
    assert forecast(many.var, latents, 100, 5).shape == (5, MANY)
    assert np.isfinite(forecast_error(many, latents, None, 100, 5).picture).all()
    assert np.isfinite(impulse_response(many.var, source_push(many.var, 9), 5)).all()
    readout = encoded_footprints(many, np.full((1, 56 * 56), 1 / 56**2, np.float32))[0]
    found = drivers(np.where(np.arange(MANY) < 50, readout, 0), latents, many.var)
    assert len(found.sources) < 400
    covariances = lagged_covariances(latents, many.var)
    assert np.isfinite(sources_map(many, many.var, covariances, found.sources[:5])).all()


@pytest.mark.usefixtures("small_arrays")
def test_comparisons_of_many_latents_take_no_full_table(large: Movie, many: VARAutoencoder) -> None:
    comparison, maps = compare(many, large, [range(60)], [range(60, 120)], permutations=19)
    assert comparison.edge_p.shape == comparison.coefficients_a.shape == (2, MANY, 29)
    assert (comparison.edges(1.0)["source"] < MANY).all()
    assert np.isfinite(maps.difference).all()


def test_results_of_many_latents_are_sparse(large: Movie, many: VARAutoencoder, tmp_path: Path) -> None:
    tracemalloc.start()
    run(large, tmp_path / "out", many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2 * MANY**2 * 4  # the figure takes most of it
    with np.load(tmp_path / "out" / "var.npz") as saved:
        assert "coefficients" not in saved
        lag, target, source, value = (saved[name] for name in ("lag", "target", "source", "value"))
    assert len(value) == many.var.nonzeros
    tables = np.zeros((2, MANY, MANY), np.float32)
    tables[lag - 1, target, source] = value
    np.testing.assert_array_equal(tables, many.var.coefficients)


class FullTables(VAR):
    """A VAR of order 2 with the coefficients that it is given."""

    order = 2  # type: ignore[assignment]


@pytest.fixture(scope="module")
def pair() -> tuple[VARAutoencoder, VARAutoencoder]:
    """One model whose tables are sparse, and the same one with full tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "MOST_FULL", 20)
        near = VARAutoencoder(preset="quick", steps=30, latents=49, order=2).fit(recording(48), device="cpu")
    assert near.var.neighbourhoods is not None
    full = copy.copy(near)
    full.var = FullTables(near.var.mean, near.var.std, near.var.moments, near.var.weights, near.var.penalty)
    vars(full.var)["coefficients"] = near.var.coefficients
    full.steady = SteadyVAR(full.var, near.steady.own, near.steady.smoothing)
    return near, full


def same(found: NDArray[np.floating], expected: NDArray[np.floating]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_sparse_and_full_tables_give_the_same(pair: tuple[VARAutoencoder, VARAutoencoder]) -> None:
    (near, full), movie = pair, recording(48)
    assert isinstance(full.var.tables[0], np.ndarray)
    latents = near.encode(movie)
    np.testing.assert_array_equal(near.steady.coefficients, full.steady.coefficients)
    for which in ("var", "steady"):
        maps = [contribution_maps(it, movie, var=getattr(it, which)) for it in pair]
        same(maps[0].explained, maps[1].explained)
        same(maps[0].amplitude, maps[1].amplitude)
        same(np.asarray(maps[0].sources), np.asarray(maps[1].sources))
    same(forecast(near.var, latents, 100, 5), forecast(full.var, latents, 100, 5))
    errors = [forecast_error(it, latents, None, 100, 5) for it in pair]
    same(errors[0].latents, errors[1].latents)
    same(errors[0].picture, errors[1].picture)
    readout = encoded_footprints(near, np.full((1, 48 * 48), 1 / 48**2, np.float32))[0]
    found = [drivers(readout, latents, it.var) for it in pair]
    np.testing.assert_array_equal(found[0].sources, found[1].sources)
    same(found[0].gains, found[1].gains)
    covariances = [lagged_covariances(latents, it.var) for it in pair]
    for some, every in zip(*covariances, strict=True):
        known = some.toarray() != 0
        assert 49 < known.sum() < 49**2
        same(some.toarray()[known], every[known])
    regions = [
        sources_map(it, it.var, them, found[0].sources[:9])
        for it, them in zip(pair, covariances, strict=True)
    ]
    same(*regions)


def test_maps_of_a_comparison_of_neighbours_are_those_of_its_full_tables(
    pair: tuple[VARAutoencoder, VARAutoencoder],
) -> None:
    near, movie = pair[0], recording(48)
    a, b = [range(60)], [range(60, 120)]
    latents = near.encode(movie)
    comparison, maps = compare(near, movie, a, b, columns=[latents], permutations=19)
    target, place = np.nonzero(comparison.sources >= 0)
    source = comparison.sources[target, place]
    tables = np.zeros((2, 2, 49, 49), np.float32)
    tables[:, :, target, source] = [
        it[:, target, place] for it in (comparison.coefficients_a, comparison.coefficients_b)
    ]
    assert 0 < np.count_nonzero(tables[0]) < np.count_nonzero(tables[0] != tables[1])
    every = np.broadcast_to(np.arange(49), (49, 49))
    full = replace(comparison, sources=every, coefficients_a=tables[0], coefficients_b=tables[1])
    conditions = [Condition(movie, latents, it) for it in (a, b)]
    expected = comparison_maps(near, full, *conditions, None)
    for name in ("explained_a", "explained_b", "difference"):
        same(getattr(maps, name), getattr(expected, name))
