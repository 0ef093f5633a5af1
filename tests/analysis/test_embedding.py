"""The map of neurons: what it keeps, that it repeats, and that it can be stopped."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from napari_calcdyn.analysis.neurons.scores import neighbour_accuracy, neighbourhood_agreement
from napari_calcdyn.analysis.neurons.tsne import fit_tsne
from napari_calcdyn.recording import Cancelled, InputError


def groups(neurons: int, latents: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    types = rng.integers(0, 3, neurons)
    points = 5 * np.eye(3, latents)[types] + rng.normal(size=(neurons, latents))
    return points.astype(np.float32), types


def test_neighbours_stay_neighbours() -> None:
    points, types = groups(300)
    embedding = fit_tsne(points)
    found = embedding.coordinates
    assert (found.shape, found.dtype) == ((300, 2), np.float32)
    assert neighbour_accuracy(found[:200], types[:200], found[200:], types[200:]) > 0.95
    agreement, chance = neighbourhood_agreement(points, found)
    assert agreement > 5 * chance
    np.testing.assert_allclose(found.max(0), -found.min(0), rtol=1e-5)


def test_same_seed_same_map_and_scale_does_not_matter() -> None:
    points, _ = groups(60)
    first = fit_tsne(points, seed=3).coordinates
    np.testing.assert_array_equal(first, fit_tsne(points, seed=3).coordinates)
    np.testing.assert_allclose(fit_tsne(2.0**-40 * points, seed=3).coordinates, first, atol=1e-4)
    assert np.abs(fit_tsne(points, seed=4).coordinates - first).max() > 1e-3


def test_new_neurons_come_to_lie_among_their_like() -> None:
    points, types = groups(300)
    embedding = fit_tsne(points[:200])
    before = embedding.coordinates.copy()
    placed = embedding.transform(points[200:])
    assert (placed.shape, placed.dtype) == ((100, 2), np.float32)
    assert neighbour_accuracy(before, types[:200], placed, types[200:]) > 0.95
    again = embedding.transform(points[:200])  # neurons that are there already: near where they are
    size = np.ptp(before, axis=0).max()
    assert np.median(np.linalg.norm(again - before, axis=1)) < 0.05 * size
    np.testing.assert_array_equal(embedding.coordinates, before)
    assert embedding.transform(points[:0]).shape == (0, 2)
    with pytest.raises(InputError, match="made of 8 numbers for each neuron"):
        embedding.transform(points[:, :7])


@pytest.mark.parametrize("latents", [1, 2])
def test_few_neurons_and_few_latents(latents: int) -> None:
    points, _ = groups(10, 3)
    embedding = fit_tsne(points[:, :latents])
    assert embedding.perplexity == 3
    assert np.isfinite(embedding.coordinates).all()
    assert np.isfinite(embedding.transform(points[:2, :latents])).all()


def test_neurons_that_are_all_alike() -> None:
    assert np.isfinite(fit_tsne(np.ones((20, 4), np.float32)).coordinates).all()


def test_what_cannot_be_laid_out() -> None:
    points, _ = groups(20)
    with pytest.raises(
        InputError, match="9 neurons with a usable trace are too few to compare: give at least 10"
    ):
        fit_tsne(points[:9])
    points[4, 1] = np.nan
    with pytest.raises(InputError, match="leave out rows with NaN"):
        fit_tsne(points)


def test_progress_counts_up_to_the_total() -> None:
    seen: list[tuple[int, int]] = []
    fit_tsne(groups(50)[0], progress=lambda done, total: seen.append((done, total)))
    done, totals = zip(*seen, strict=True)
    assert done[0] == 0
    assert done[-1] == totals[-1]
    assert list(done) == sorted(done)
    assert len(set(totals)) == 1


def test_cancelled_within_a_second_with_thousands_of_neurons() -> None:
    points, _ = groups(3000)
    stop = threading.Event()
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())
        stop.set()

    timer = threading.Timer(1.0, ask)
    timer.start()
    with pytest.raises(Cancelled):
        fit_tsne(points, progress=lambda done, total: stop.is_set())
    assert time.monotonic() - asked[0] < 1.0
    with pytest.raises(Cancelled):  # and while new neurons are placed
        fit_tsne(points[:100]).transform(points, progress=lambda done, total: True)
