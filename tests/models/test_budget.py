"""γ from a budget: the path of one training, and the γ at which it leaves the budget."""

from __future__ import annotations

import pytest
import torch

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.budget import GammaPath, Point
from napari_calcdyn.recording import Movie
from napari_calcdyn.simulate import simulate_movie

STEPS = 100


def followed(costs: list[float], budget: float = 0.04) -> tuple[GammaPath, torch.nn.Linear, list[float]]:
    """Follow a path whose points cost so much, with a network whose weight is the number of the point."""
    network = torch.nn.Linear(1, 1, bias=False)
    path = GammaPath(network, budget, STEPS)
    gammas = [0.0, *(2.0**it for it in range(len(costs)))]
    for number, (gamma, cost) in enumerate(zip(gammas, [0.0, *costs], strict=True)):
        torch.nn.init.constant_(network.weight, number)
        path.record(number, Point(gamma, 0.5 * (1 + cost), 0.3))
    return path, network, gammas


def test_gamma_is_where_the_path_leaves_the_budget() -> None:
    path, network, gammas = followed([0.01, 0.02, 0.06, 0.03, 0.2])
    assert path.chosen == pytest.approx(gammas[2] * 2**0.5)  # half way, in its logarithm
    path.begin(STEPS - 1)
    assert network.weight.item() == 5
    path.begin(next(step for step in range(STEPS) if path.settles(step)))
    assert network.weight.item() == 2  # the network before the path left the budget


def test_gamma_of_a_path_that_stays_within_the_budget_is_its_end() -> None:
    path, _, gammas = followed([0.001, -0.01, 0.002])
    assert path.chosen == gammas[-1]


def test_gamma_is_below_the_first_point_if_that_is_beyond() -> None:
    path, network, gammas = followed([0.08, 0.2])
    assert path.chosen == pytest.approx(gammas[1] / 2)
    path.end()  # stopped on the way
    assert network.weight.item() == 0


def test_gamma_rises_after_the_reconstruction_and_the_step_size_falls_to_zero() -> None:
    path, _, _ = followed([0.01, 0.1])
    gammas = [path.gamma(step) for step in range(STEPS)]
    first = next(step for step in range(STEPS) if gammas[step])
    last = next(step for step in range(STEPS) if path.settles(step))
    assert 0 < first < last < STEPS
    assert (torch.tensor(gammas[first:last]).diff() > 0).all()
    assert set(gammas[last:]) == {path.chosen}
    rates = [path.rate(step, STEPS) for step in range(STEPS)]
    assert max(rates) == pytest.approx(1, abs=0.01)
    assert rates[-1] < 0.02


def test_a_network_beyond_the_budget_is_kept_only_if_there_is_no_other() -> None:
    path, _, _ = followed([0.01, 0.1])
    inside, beyond = Point(1, 0.51, 0.3), Point(1, 0.54, 0.1)
    assert path.judged(0.9, inside) == 0.9
    assert path.judged(0.1, beyond) > path.judged(0.9, inside)


def test_a_path_goes_on_where_it_was() -> None:
    path, _, _ = followed([0.01, 0.02, 0.06])
    network = torch.nn.Linear(1, 1, bias=False)
    again = GammaPath(network, 0.04, STEPS)
    again.load_state_dict(path.state_dict())
    assert again.points == path.points
    assert again.chosen == path.chosen
    again.end()
    assert network.weight.item() == 2


def test_a_larger_budget_gets_a_larger_gamma() -> None:
    movie = Movie.from_array(simulate_movie(frames=160, height=37, width=53, noise="low", seed=0).movie)
    small, large = (
        VARAutoencoder(steps=20, patience=1000, gamma_budget=it).fit(movie, device="cpu").metrics
        for it in (0.01, 0.3)
    )
    assert 0 < small["gamma"] < large["gamma"]
    assert small["trade_off"][0]["gamma"] == 0
    assert small["reconstruction_error"] < large["reconstruction_error"]
    assert small["latent_prediction_error"] > large["latent_prediction_error"]
