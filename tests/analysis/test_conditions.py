"""The test of two conditions: its unit is the dish, and it rejects as often as it says."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from napari_calcdyn import InputError, compare_conditions


def experiment(
    seed: int, dishes: int = 6, neurons: int = 30, dish_sd: float = 1.0, shift: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents of neurons whose dishes differ, and of conditions that differ by `shift`."""
    rng = np.random.default_rng(seed)
    dish = np.repeat(np.arange(2 * dishes), neurons)
    condition = np.where(dish < dishes, "control", "sick")
    centre = dish_sd * rng.normal(size=(2 * dishes, 2))
    centre[dishes:, 0] += shift
    return centre[dish] + rng.normal(size=(len(dish), 2)), dish, condition


def test_dishes_reject_as_often_as_they_should_and_neurons_far_too_often() -> None:
    by_dish, by_neuron = [], []
    for seed in range(200):
        latents, dish, condition = experiment(seed, dishes=4, neurons=8)
        by_dish.append(compare_conditions(latents, dish, condition).p_value)
        neuron = np.arange(len(dish))
        by_neuron.append(compare_conditions(latents, neuron, condition, permutations=99).p_value)
    rejected = np.mean(np.array(by_dish) <= 0.1)
    assert 0.05 <= rejected <= 0.15  # 95 % of experiments with the true 6/70 to 7/70 lie within
    assert np.mean(np.array(by_neuron) <= 0.1) > 0.5


def test_a_difference_between_the_conditions_is_found() -> None:
    found = compare_conditions(*experiment(0, shift=4.0))
    assert found.p_value == found.smallest_p == 2 / comb(12, 6)
    assert found.conditions == ("control", "sick")
    assert found.dishes == (6, 6)
    assert found.exact
    assert found.distance > 1


def test_distance_is_the_energy_distance_of_dishes() -> None:
    latents, dish, condition = experiment(3, dishes=3, neurons=5, shift=1.0)
    apart = np.array(
        [
            [
                np.linalg.norm(latents[dish == i][:, None] - latents[dish == j], axis=2).mean()
                for j in range(6)
            ]
            for i in range(6)
        ]
    )
    within = [apart[i, j] for i in range(3) for j in range(3) if i != j]
    other = [apart[i, j] for i in range(3, 6) for j in range(3, 6) if i != j]
    expected = 2 * apart[:3, 3:].mean() - np.mean(within) - np.mean(other)
    assert compare_conditions(latents, dish, condition).distance == pytest.approx(expected)


def test_three_dishes_against_three_cannot_give_less_than_a_tenth() -> None:
    found = compare_conditions(*experiment(0, dishes=3, shift=50.0))
    assert found.p_value == found.smallest_p == 0.1


def test_a_dish_counts_the_same_however_many_neurons_it_has() -> None:
    latents, dish, condition = experiment(1, neurons=20, shift=1.0)
    more = np.concatenate([np.arange(len(dish)), *[np.flatnonzero(dish == 0)] * 9])
    once, often = (
        compare_conditions(*parts)
        for parts in ((latents, dish, condition), (latents[more], dish[more], condition[more]))
    )
    assert often.distance == pytest.approx(once.distance)
    assert often.p_value == once.p_value


def test_many_dishes_are_divided_at_random_the_same_way_each_time() -> None:
    parts = experiment(0, dishes=10, neurons=5, shift=0.5)
    first, again = (compare_conditions(*parts, permutations=199, seed=1) for _ in range(2))
    assert first == again or vars(first) == vars(again)
    assert not first.exact
    assert first.smallest_p == 1 / 200
    assert (first.p_value * 200) % 1 == pytest.approx(0, abs=1e-9)


def test_neurons_without_latents_are_left_out() -> None:
    latents, dish, condition = experiment(0, dishes=3)
    with_gap = np.insert(latents, 5, np.nan, axis=0)
    found = compare_conditions(with_gap, np.insert(dish, 5, 0), np.insert(condition, 5, "control"))
    assert found.distance == pytest.approx(compare_conditions(latents, dish, condition).distance)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dish, condition: (dish, np.full(len(dish), "control")), "1 conditions cannot be compared"),
        (lambda dish, condition: (dish % 6, condition), "has neurons of both conditions"),
        (lambda dish, condition: (np.maximum(dish, 5), condition), "at least two dishes"),
    ],
)
def test_what_cannot_be_compared(change, words: str) -> None:  # type: ignore[no-untyped-def]
    latents, dish, condition = experiment(0)
    with pytest.raises(InputError, match=words):
        compare_conditions(latents, *change(dish, condition))
