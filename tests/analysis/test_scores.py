"""Scores with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from napari_calcdyn.analysis.neurons.scores import (
    adjusted_rand_index,
    latent_correlations,
    neighbour_accuracy,
    neighbourhood_agreement,
)
from napari_calcdyn.recording import InputError


def test_adjusted_rand_index_as_in_the_paper() -> None:
    types, clusters = np.array(list("aaabbb")), np.array([0, 0, 1, 1, 2, 2])
    # Eq. 16 by hand: pairs together in both 2, in types 6, in clusters 3, of 15.
    expected = (2 - 6 * 3 / 15) / ((6 + 3) / 2 - 6 * 3 / 15)
    assert adjusted_rand_index(types, clusters) == pytest.approx(expected)
    assert adjusted_rand_index(types, [1, 1, 1, -1, -1, -1]) == 1


def test_neighbour_accuracy_is_a_vote() -> None:
    rng = np.random.default_rng(0)
    types = np.array(["RS", "IB", "CH"])[rng.integers(0, 3, 300)]
    latents = (types[:, None] == ["RS", "IB", "CH"]) * 1.5 + rng.normal(size=(300, 3))
    ours = neighbour_accuracy(latents[:200], types[:200], latents[200:], types[200:], k=9)
    theirs = KNeighborsClassifier(9).fit(latents[:200], types[:200]).score(latents[200:], types[200:])
    assert 0.6 < ours < 0.95
    assert ours == pytest.approx(theirs, abs=0.05)  # they break ties otherwise

    line, sides = np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([0, 0, 1, 1])
    tie = neighbour_accuracy(line, sides, [[2.0], [4.0]], [0, 1], k=4)
    assert tie == 1, "where votes are equal the nearer neighbours decide"


def test_neighbourhood_agreement() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(400, 2))
    assert neighbourhood_agreement(first, 3 * first[:, ::-1] + 1)[0] == 1
    agreement, chance = neighbourhood_agreement(first, rng.normal(size=(400, 2)))
    assert chance == pytest.approx(10 / 399)
    assert agreement == pytest.approx(chance, abs=0.01)
    assert neighbourhood_agreement(first, first + 0.05 * rng.normal(size=(400, 2)))[0] > 0.5


def test_latent_correlations() -> None:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(50, 3))
    latents[:, 2] = 1
    columns = {"twice": 2 * latents[:, 0] + 7, "above": latents[:, 1] > 0, "same": np.ones(50)}
    columns["twice"][4] = np.nan
    latents[5] = np.nan
    found = latent_correlations(latents, columns)
    assert found["twice"][0] == pytest.approx(1)
    known = np.arange(50) != 5
    expected = np.corrcoef(latents[known, 1], columns["above"][known])[0, 1]
    assert found["above"][1] == pytest.approx(expected)
    assert np.isnan(found["twice"][2])
    assert np.isnan(found["same"]).all()
    with pytest.raises(InputError, match="'type' cannot be correlated"):
        latent_correlations(latents, {"type": np.full(50, "RS")})
    with pytest.raises(InputError, match="one number for each of the 50 neurons"):
        latent_correlations(latents, {"few": np.ones(49)})


def test_too_few_neurons() -> None:
    points = np.random.default_rng(0).normal(size=(8, 2))
    with pytest.raises(InputError, match="too few for a vote of 10"):
        neighbour_accuracy(points, np.zeros(8), points, np.zeros(8))
    with pytest.raises(InputError, match="too few for neighbourhoods of 10"):
        neighbourhood_agreement(points, points)
    with pytest.raises(InputError, match="8 and 7 neurons"):
        neighbourhood_agreement(points, points[:7])
