from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Lasso
from test_var import Array, follow, known_system, standardised_problem

from napari_calcdyn.models.var.model import fit_var
from napari_calcdyn.models.var.selection import Selection, ebic


@pytest.fixture(scope="module")
def latents() -> Array:
    return follow(known_system(1), 400, seed=3)


def squared_error(past: Array, now: Array, coefficients: Array) -> NDArray[np.float64]:
    return np.square(now - past @ coefficients).sum(0)


def test_ebic_is_the_best_knot_by_its_definition(latents: Array) -> None:
    var = fit_var(latents, 1, Selection("ebic"))
    past, now = standardised_problem(latents, 1)
    n, predictors = past.shape
    scores = np.full(var.path.knots.shape, np.inf)
    for knot in range(len(var.path)):
        coefficients = var.path.coefficients[knot].numpy()
        count = np.count_nonzero(coefficients, axis=0)
        error = squared_error(past, now, coefficients) / n
        # Chen & Chen 2008 with γ = 0.5
        score = n * np.log(error) + count * np.log(n) + 2 * 0.5 * count * np.log(predictors)
        scores[knot] = np.where(knot < var.path.n_knots, score, np.inf)
    best = scores.argmin(0)
    np.testing.assert_allclose(var.lam, var.path.knots.numpy()[best, np.arange(8)])
    found = ebic(var.path, var.moments).nan_to_num(nan=torch.inf).numpy()
    np.testing.assert_allclose(found, scores, rtol=1e-6)


def test_ebic_holds_back_more_with_a_larger_gamma(latents: Array) -> None:
    var = fit_var(latents, 1, Selection("ebic"))
    chosen = []
    for gamma in (0.0, 0.5, 3.0):
        knot = ebic(var.path, var.moments, gamma).nan_to_num(nan=torch.inf).argmin(0)
        chosen.append(var.path.nonzeros().gather(0, knot[None]).sum().item())
    assert chosen[0] > chosen[1] > chosen[2]


@pytest.mark.parametrize("fraction", [0.9, 0.3, 0.02])
def test_fraction_is_one_fraction_of_every_targets_largest_penalty(latents: Array, fraction: float) -> None:
    var = fit_var(latents, 1, Selection("fraction", fraction=fraction))
    np.testing.assert_allclose(var.lam, fraction * var.path.lambda_max.numpy(), rtol=1e-12)
    np.testing.assert_array_equal(var.coefficients, var.at(fraction=fraction).coefficients)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_nonzeros_is_the_fullest_model_with_at_most_so_many(latents: Array, count: int) -> None:
    var = fit_var(latents, 1, Selection("nonzeros", nonzeros=count))
    found = np.count_nonzero(var.standardised, axis=(0, 2))
    assert (found <= count).all()
    # A hair further down the path there is one more, unless the path ends there.
    further = var.path.solve(var.penalty * (1 - 1e-6)).numpy()
    ended = var.lam <= 1e-12
    assert ((np.count_nonzero(further, axis=0) > count) | ended).all()


def test_cross_validation_has_the_least_error_on_blocks_left_out(latents: Array) -> None:
    var = fit_var(latents, 1, Selection("cross-validation"))
    z = (latents - latents.mean(0)) / latents.std(0)
    blocks = np.array_split(z, 5)
    fractions = np.geomspace(1, 0.01, 25)
    errors = np.zeros((25, 8))
    for left_out in range(5):
        kept = [block for index, block in enumerate(blocks) if index != left_out]
        past, now = np.concatenate([b[:-1] for b in kept]), np.concatenate([b[1:] for b in kept])
        largest = abs(past.T @ now / len(past)).max(0)
        for index, fraction in enumerate(fractions):
            for target in range(8):
                peer = Lasso(alpha=fraction * largest[target], fit_intercept=False, tol=1e-8)
                peer.fit(past, now[:, target])
                test = blocks[left_out]
                errors[index, target] += np.square(test[1:, target] - test[:-1] @ peer.coef_).sum()
    best = fractions[errors.argmin(0)]
    np.testing.assert_allclose(var.lam / var.path.lambda_max.numpy(), best, rtol=1e-9)


def test_rules_agree_on_what_is_there_and_differ_in_how_much(latents: Array) -> None:
    counts = {
        rule: fit_var(latents, 1, Selection(rule, fraction=1.0)).nonzeros
        for rule in ("ebic", "cross-validation", "fraction")
    }
    assert counts["fraction"] == 0
    assert 8 <= counts["ebic"] < counts["cross-validation"]
