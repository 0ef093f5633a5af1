"""Do two conditions differ? A permutation test whose unit is the dish."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording import InputError

_EXACT = 20_000  # of at most so many ways to share the dishes out, every one is tried
_ROUNDING = 1e-9  # of the statistic: two ways that are the same in truth may differ by so much


@dataclass(frozen=True, eq=False)
class ConditionTest:
    """Whether neurons differ between two conditions; made by `compare_conditions`.

    Attributes
    ----------
    conditions : tuple of (str, str)
        Their names, in alphabetical order.
    dishes : tuple of (int, int)
        How many dishes of each.
    distance : float
        Energy distance between the conditions: how much further apart neurons of dishes of different conditions lie
        than those of different dishes of one condition, in units of the latents. It varies around 0 if there is no
        difference.
    p_value : float
        Share of the ways to divide the dishes among the conditions whose distance is at least as large; two-sided.
    smallest_p : float
        The smallest p-value that so many dishes can give.
    exact : bool
        Whether every way was tried, or as many as were asked for.
    """

    conditions: tuple[str, str]
    dishes: tuple[int, int]
    distance: float
    p_value: float
    smallest_p: float
    exact: bool


def compare_conditions(
    latents: ArrayLike,
    dishes: ArrayLike,
    conditions: ArrayLike,
    *,
    permutations: int = 9999,
    seed: int = 0,
) -> ConditionTest:
    """Test whether the neurons of two conditions differ, with the dish as the unit.

    Neurons of one dish share its network, its health and its day, so they are no independent samples of a condition.
    The test therefore permutes dishes. Its statistic is the energy distance (Székely and Rizzo 2013)
    ``2 mean d(A, B) − mean d(A, A′) − mean d(B, B′)``, d the mean distance between neurons of two different dishes, so
    each dish counts the same however many neurons it has, and a difference in the spread or the mixture of neurons
    counts as one in their mean does. The representation must be made without the knowledge of the conditions.

    Parameters
    ----------
    latents : array_like (N, D)
        Representation of each neuron; neurons with NaN are left out.
    dishes : array_like (N,)
        Dish, animal or day of each.
    conditions : array_like (N,)
        Condition of each, the same for all neurons of a dish.
    permutations : int
        How many random divisions to draw where there are more than 20,000 possible ones.
    seed : int
        Of these.

    Returns
    -------
    ConditionTest
        Distance and p-value.

    Raises
    ------
    InputError
        If there are not two conditions, one has less than two dishes, or a dish has both.
    """
    places = np.asarray(latents, np.float64)
    known = np.isfinite(places).all(axis=1)
    names, first, dish_of = np.unique(np.asarray(dishes)[known], return_index=True, return_inverse=True)
    both, is_second = np.unique(np.asarray(conditions)[known], return_inverse=True)
    if len(both) != 2:
        raise InputError(f"{len(both)} conditions cannot be compared: give two.")
    of_dish = is_second[first].astype(bool)
    mixed = np.flatnonzero(of_dish[dish_of] != is_second)
    if len(mixed):
        raise InputError(
            f"{names[dish_of[mixed[0]]]} has neurons of both conditions: the test needs dishes of one condition each."
        )
    counts = int((~of_dish).sum()), int(of_dish.sum())
    if min(counts) < 2:
        raise InputError("Each condition needs at least two dishes: one says nothing of how dishes differ.")

    apart = _dish_distances(places[known], dish_of, len(names))
    ways = comb(len(names), counts[1])
    exact = ways <= _EXACT
    divisions = (
        _every_division(len(names), counts[1])
        if exact
        else _random_divisions(of_dish, permutations, np.random.default_rng(seed))
    )
    observed = float(_energy(apart, of_dish[None])[0])
    found = _energy(apart, divisions)
    as_large = int((found >= observed - _ROUNDING * abs(apart).mean()).sum())
    p_value = as_large / ways if exact else (1 + as_large) / (1 + permutations)
    twins = 2 if counts[0] == counts[1] else 1  # exchanging both conditions does not change the distance
    smallest = twins / ways if exact else 1 / (1 + permutations)
    return ConditionTest((str(both[0]), str(both[1])), counts, observed, p_value, smallest, exact)


def _dish_distances(
    latents: NDArray[np.floating], dish_of: NDArray[np.int64], number: int
) -> NDArray[np.float64]:
    """Return the mean distance between the neurons of every two dishes, (number, number)."""
    from scipy.spatial.distance import cdist

    share = np.zeros((len(latents), number))
    share[np.arange(len(latents)), dish_of] = 1 / np.bincount(dish_of)[dish_of]
    rows = [cdist(latents[dish_of == dish], latents).mean(axis=0) @ share for dish in range(number)]
    return np.stack(rows)


def _every_division(number: int, second: int) -> NDArray[np.bool_]:
    chosen = np.array(list(combinations(range(number), second)))
    divisions = np.zeros((len(chosen), number), bool)
    np.put_along_axis(divisions, chosen, True, axis=1)
    return divisions


def _random_divisions(
    of_dish: NDArray[np.bool_], permutations: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    return rng.permuted(np.tile(of_dish, (permutations, 1)), axis=1)


def _energy(apart: NDArray[np.float64], divisions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the energy distance of each division (P, number) of the dishes; a dish is not compared with itself."""
    between = apart - np.diag(np.diag(apart))
    second = divisions.astype(np.float64)
    b, all_ = second.sum(axis=1), len(apart)
    a = all_ - b
    sums = second @ between
    within_b = (sums * second).sum(axis=1)
    across = sums.sum(axis=1) - within_b
    within_a = between.sum() - within_b - 2 * across
    energy: NDArray[np.float64] = 2 * across / (a * b) - within_a / (a * (a - 1)) - within_b / (b * (b - 1))
    return energy
