"""DBSCAN at many ε from one tree against scikit-learn's at each, and the search for ε."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.cluster import DBSCAN

from napari_calcdyn.analysis.neurons.clustering import (
    MIN_SAMPLES,
    best_epsilon,
    choose_epsilon,
    cluster_neurons,
    dbscan,
    epsilon_candidates,
)
from napari_calcdyn.analysis.neurons.scores import adjusted_rand_index
from napari_calcdyn.recording import InputError


def blobs(
    neurons: int = 400, latents: int = 3, *, apart: float = 8.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Three Gaussian groups of unequal size and density, and a tenth of the neurons anywhere."""
    rng = np.random.default_rng(seed)
    types = rng.choice(3, neurons, p=(0.5, 0.3, 0.2))
    centres = apart * np.eye(3, latents)
    points = centres[types] + rng.normal(size=(neurons, latents)) * np.array([0.5, 1.0, 1.5])[types, None]
    stray = rng.random(neurons) < 0.1
    points[stray] = rng.uniform(-2 * apart, 2 * apart, (stray.sum(), latents))
    return points.astype(np.float32), types


@pytest.mark.parametrize(("neurons", "latents"), [(5, 2), (60, 1), (400, 3), (500, 16)])
def test_same_clusters_as_scikit_learn_at_every_candidate(neurons: int, latents: int) -> None:
    points, _ = blobs(neurons, max(latents, 3), seed=latents)
    points = points[:, :latents]
    for epsilon in epsilon_candidates(points):
        expected = DBSCAN(eps=epsilon, min_samples=MIN_SAMPLES).fit_predict(points.astype(np.float64))
        np.testing.assert_array_equal(dbscan(points, epsilon), expected)


def test_same_clusters_as_scikit_learn_with_neurons_at_one_place() -> None:
    points = np.repeat(np.random.default_rng(0).integers(0, 4, (40, 2)), 3, axis=0).astype(float)
    for epsilon in (0.5, 1.2, 1.7, 10.0):
        expected = DBSCAN(eps=epsilon, min_samples=MIN_SAMPLES).fit_predict(points)
        np.testing.assert_array_equal(dbscan(points, epsilon), expected)


def test_same_clusters_as_scikit_learn_at_the_distances_themselves() -> None:
    points = (
        np.random.default_rng(1).integers(0, 9, (150, 2)).astype(float)
    )  # many ties, and some at one place
    border = 0
    for epsilon in np.unique(cdist(points, points))[1:]:
        model = DBSCAN(eps=epsilon, min_samples=MIN_SAMPLES).fit(points)
        np.testing.assert_array_equal(dbscan(points, epsilon), model.labels_)
        border += (model.labels_ >= 0).sum() - len(model.core_sample_indices_)
    assert border > 0


def test_the_search_finds_separate_groups_and_few_noise() -> None:
    points, types = blobs()
    epsilon, ari = best_epsilon(points, types)
    assert ari == adjusted_rand_index(types, dbscan(points, epsilon)) > 0.8
    names = np.array(["RS", "IB", "CH"])[types]
    assert best_epsilon(points, names) == (epsilon, ari)


def test_the_search_misses_little_of_what_any_epsilon_reaches() -> None:
    points, types = blobs(apart=4.0)
    distance = cdist(points, points)
    core = np.sort(distance, axis=1)[:, MIN_SAMPLES - 1]
    mutual = np.maximum(
        distance, np.maximum(core, core[:, None])
    )  # clusters change at the lengths of its tree
    every = np.unique(np.concatenate([minimum_spanning_tree(mutual).data, core]))
    reached = max(
        adjusted_rand_index(types, DBSCAN(eps=epsilon, min_samples=MIN_SAMPLES).fit_predict(points))
        for epsilon in every
    )
    assert best_epsilon(points, types)[1] > reached - 0.02


def test_candidates_depend_on_the_distances_alone() -> None:
    points, types = blobs()
    candidates = epsilon_candidates(points)
    assert 30 <= len(candidates) <= 60
    assert (np.diff(candidates) > 0).all()
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(epsilon_candidates(points @ turned), candidates, rtol=1e-5)
    np.testing.assert_allclose(epsilon_candidates(1000 * points), 1000 * candidates, rtol=1e-5)
    assert best_epsilon(1000 * points, types)[1] == best_epsilon(points, types)[1]
    # From all noise to one cluster.
    assert (dbscan(points, candidates[0]) >= 0).mean() < 0.1
    assert (dbscan(points, candidates[-1]) == 0).all()


@pytest.mark.parametrize("apart", [6.0, 12.0])
def test_without_types_nearly_as_good_as_with(apart: float) -> None:
    points, types = blobs(apart=apart)
    clusters = cluster_neurons(points)
    np.testing.assert_array_equal(clusters, dbscan(points, choose_epsilon(points)))
    assert adjusted_rand_index(types, clusters) > best_epsilon(points, types)[1] - 0.1 > 0.6


def test_without_types_one_group_stays_one() -> None:
    points = np.random.default_rng(0).normal(size=(300, 8))
    assert (cluster_neurons(points) == 0).all()


def test_neurons_that_are_all_alike_are_one_cluster() -> None:
    points = np.ones((30, 2))
    assert (cluster_neurons(points) == 0).all()
    assert best_epsilon(points, np.arange(30) % 2)[1] == 0


def test_a_search_among_thousands_is_short() -> None:
    points, types = blobs(2000, 8)
    start = time.perf_counter()
    best_epsilon(points, types)
    assert time.perf_counter() - start < 3  # 0.25 s on a quiet machine


def test_what_cannot_be_clustered() -> None:
    points, types = blobs(40)
    with pytest.raises(InputError, match="4 neurons cannot be clustered: give at least 5"):
        best_epsilon(points[:4], types[:4])
    points[3, 1] = np.nan
    with pytest.raises(InputError, match="leave out rows with NaN"):
        cluster_neurons(points)
