"""Correlations with what the animal did, against ones that are shifted by hand, and whether their p-values hold."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn.analysis.behaviour.correlation import (
    LEAST_SHARED,
    BehaviourCorrelation,
    correlate_behaviour,
    numeric_columns,
)
from napari_calcdyn.recording import Behaviour, Cancelled, InputError


def slow(random: np.random.Generator, frames: int, count: int, memory: float = 0.9) -> np.ndarray:
    """First-order autoregressions, (frames, count)."""
    series = random.normal(size=(frames + 100, count))
    for t in range(1, len(series)):
        series[t] += memory * series[t - 1]
    return series[100:]


def without_drift(series: np.ndarray) -> np.ndarray:
    """A series less its mean and four cosines, where it is known."""
    there = np.isfinite(series)
    time = (np.arange(len(series)) + 0.5) / len(series)
    drifts = np.stack([np.cos(np.pi * j * time) for j in range(5)], 1)[there]
    left = np.full(len(series), np.nan)
    left[there] = series[there] - drifts @ np.linalg.lstsq(drifts, series[there], rcond=None)[0]
    return left


def by_hand(column: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlations over what is known, and family-wise p-values, one shift after the other."""
    r = np.empty(series.shape[1])
    for place, it in enumerate(series.T):
        both = np.isfinite(column) & np.isfinite(it)
        pair = [without_drift(np.where(both, one, np.nan))[both] for one in (column, it)]
        r[place] = pair[0] @ pair[1] / np.linalg.norm(pair[0]) / np.linalg.norm(pair[1])
    # For the shifts, what is not known is at the mean of the column, or on the drift of the series.
    filled = np.nan_to_num(column - np.nanmean(column))
    units = [without_drift(np.nan_to_num(without_drift(it))) for it in series.T]
    found = np.empty((len(column), series.shape[1]))
    for shift in range(len(column)):
        rolled = without_drift(np.roll(filled, shift))
        for place, unit in enumerate(units):
            found[shift, place] = abs(rolled @ unit) / np.linalg.norm(rolled) / np.linalg.norm(unit)
    null = found.max(1)
    return r, np.array([(null >= it).mean() for it in found[0]])


@pytest.mark.parametrize("gaps", [False, True])
def test_every_shift_by_hand(gaps: bool) -> None:
    random = np.random.default_rng(0)
    series = slow(random, 151, 6) + 50
    speed = series[:, 2] + 2 * slow(random, 151, 1)[:, 0] + 0.05 * np.arange(151)
    if gaps:
        speed[20:40], series[100:120, 1], series[3, 4] = np.nan, np.nan, np.inf
    found = correlate_behaviour({"speed": speed}, series, np.arange(6) + 10)
    series[~np.isfinite(series)] = np.nan
    r, p = by_hand(speed, series)
    np.testing.assert_allclose(found.correlation[0], r, atol=1e-9)
    np.testing.assert_allclose(found.p_values[0], p, atol=1e-9)
    assert found.ids[found.ranked("speed")[0]] == 12
    assert found.p_values.min() >= 1 / 151
    if not gaps:
        assert abs(r[2] - np.corrcoef(without_drift(speed), without_drift(series[:, 2]))[0, 1]) < 1e-9


def test_p_values_hold_and_what_goes_together_is_found() -> None:
    random = np.random.default_rng(1)
    rejected, found, pairs = 0, 0, 150
    naive = 0
    for _ in range(pairs):
        series, speed = slow(random, 400, 10), slow(random, 400, 1)[:, 0]
        rejected += correlate_behaviour({"speed": speed}, series, np.arange(10)).p_values.min() <= 0.05
        r = np.abs(np.corrcoef(speed, series.T)[0, 1:]).max()
        naive += r * np.sqrt(400) > 2.81  # 5 % of ten, if frames were independent
        series[:, 3] += 1.5 * speed
        found += correlate_behaviour({"speed": speed}, series, np.arange(10)).p_values[0, 3] <= 0.05
    # Binomial 99 % interval of 5 % of 150.
    assert 1 <= rejected <= 15
    assert naive > pairs / 2  # what is avoided
    assert found > 0.9 * pairs


def test_what_both_drift_is_not_taken_for_a_relation() -> None:
    random = np.random.default_rng(2)
    drift = np.exp(-np.linspace(0, 3, 300))[:, None]  # bleaching
    for noise in (0.05, 0.5):
        column, series = (drift + noise * random.normal(size=(300, count)) for count in (1, 5))
        found = correlate_behaviour({"t": column[:, 0]}, series, np.arange(5))
        assert found.p_values.min() > 0.05


def test_what_does_not_change_or_is_hardly_known_has_no_correlation() -> None:
    random = np.random.default_rng(3)
    series = random.normal(size=(100, 4))
    series[:, 1] = 7.5
    series[LEAST_SHARED - 1 :, 2] = np.nan
    series[:, 3] = 3 * np.cos(np.pi * (np.arange(100) + 0.5) / 100) + 1e5  # a drift
    columns = {"speed": random.normal(size=100), "still": np.full(100, 0.1)}
    found = correlate_behaviour(columns, series, np.arange(4))
    assert np.isfinite(found.correlation).tolist() == [[True, False, False, False], [False] * 4]
    assert np.array_equal(np.isfinite(found.p_values), np.isfinite(found.correlation))
    assert found.ranked("speed").tolist() == [0]
    assert found.ranked("still").tolist() == []


def test_a_series_that_is_unknown_where_the_column_is_known_does_not_count() -> None:
    random = np.random.default_rng(5)
    series, speed = slow(random, 200, 3), slow(random, 200, 1)[:, 0]
    speed[:100] = np.nan
    alone = correlate_behaviour({"speed": speed}, series, np.arange(3))
    apart = np.where(
        np.arange(200) < 100, np.roll(speed, 100), np.nan
    )  # goes with it, a hundred frames later
    found = correlate_behaviour({"speed": speed}, np.column_stack([series, apart]), np.arange(4))
    assert np.isnan(found.correlation[0, 3])
    np.testing.assert_array_equal(found.p_values[0, :3], alone.p_values[0])


def test_shifts_by_a_period_are_as_good_as_none() -> None:
    random = np.random.default_rng(6)
    clock = np.tile(random.normal(size=43), 7)
    series = random.normal(size=(301, 8))
    series[:, 0] = clock + 0.1 * series[:, 0]
    found = correlate_behaviour({"clock": clock}, series, np.arange(8))
    assert found.p_values[0, 0] == pytest.approx(7 / 301)


def test_words_become_truth_values() -> None:
    words = np.array(["run", "rest", "", "run"])
    many = np.array([f"word {number}" for number in range(40)])
    found = numeric_columns(Behaviour({"state": words, "lick": np.array([True, False, True, True])}, "a.csv"))
    assert list(found) == ["state = rest", "state = run", "lick"]
    np.testing.assert_array_equal(found["state = run"], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(found["lick"], [1, 0, 1, 1])
    assert numeric_columns(Behaviour({"many": many}, "a.csv")) == {}


def test_it_reports_and_stops() -> None:
    series = np.random.default_rng(4).normal(size=(50, 70))
    columns = {"a": series[:, 0], "b": series[:, 1]}
    done: list[tuple[int, int]] = []
    correlate_behaviour(columns, series, np.arange(70), progress=lambda *it: done.append(it))
    assert done[-1] == (140, 140)
    assert done == sorted(done)
    with pytest.raises(Cancelled):
        correlate_behaviour(columns, series, np.arange(70), progress=lambda *_: True)


def test_bad_input_is_said_in_one_sentence() -> None:
    series = np.zeros((50, 2))
    with pytest.raises(InputError, match="nothing to correlate"):
        correlate_behaviour({}, series, np.arange(2))
    with pytest.raises(InputError, match="The column a has 49 frames and the activity 50"):
        correlate_behaviour({"a": np.zeros(49)}, series, np.arange(2))


def test_the_table_that_is_written(tmp_path: Path) -> None:
    found = BehaviourCorrelation(
        ("speed",), np.array([4, 9, 2]), np.array([[0.5, np.nan, -0.75]]), np.array([[0.25, np.nan, 0.01]])
    )
    found.write_csv(tmp_path / "goes with.csv")
    with (tmp_path / "goes with.csv").open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["behaviour", "roi", "correlation", "p_value"],
            ["speed", "2", "-0.75", "0.01"],
            ["speed", "4", "0.5", "0.25"],
        ]
    with pytest.raises(InputError, match="cannot be written"):
        found.write_csv(tmp_path / "none" / "x.csv")
