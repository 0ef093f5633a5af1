"""Influence between ROIs, on movies and activities whose connections are known."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from damage import damaged
from napari_calcdyn.analysis.blocks import cut_blocks
from napari_calcdyn.analysis.influence import recent
from napari_calcdyn.analysis.influence.apart import apart
from napari_calcdyn.analysis.influence.debiased_var import fit_debiased
from napari_calcdyn.analysis.influence.edge_test import family_wise
from napari_calcdyn.analysis.influence.influence import Influence, influence_of, influence_test, roi_influence
from napari_calcdyn.analysis.influence.recent import recent_activity
from napari_calcdyn.models.roi_var import fit_activity_var
from napari_calcdyn.recording import Cancelled, InputError, Movie, RoiSet
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.simulate.movie import SimulatedMovie, simulate_movie

Recorded = tuple[SimulatedMovie, Movie]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    simulated = simulate_movie(
        frames=900, height=64, width=64, dynamic=5, silent=4, flicker=2, noise="low", seed=3
    )
    return simulated, Movie.from_array(simulated.movie)


def driven(frames: int, order: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """Six columns: the first drives the second and, with the opposite sign, the third, `order` frames later."""
    draw = np.random.default_rng(seed)
    values = draw.standard_normal((frames, 6))
    for t in range(order, frames):
        values[t] += 0.6 * values[t - 1]
        values[t, 1] += 0.4 * values[t - order, 0]
        values[t, 2] -= 0.4 * values[t - order, 0]
    return values


def significant(p_values: NDArray[np.float32]) -> set[tuple[int, int]]:
    return {(int(target), int(source)) for target, source in np.argwhere(p_values <= 0.05)}


def test_known_connections_come_first(recorded: Recorded) -> None:
    simulated, movie = recorded
    truth = np.zeros((11, 11), bool)
    truth[:5, :5] = simulated.coefficients.any(0)
    pairs = ~np.eye(11, dtype=bool)
    found = roi_influence(movie, simulated.rois)
    assert found.strength.shape == (11, 11)
    assert (np.diag(found.strength) == 0).all()
    assert average_precision_score(truth[pairs], np.abs(found.strength)[pairs]) > 0.8
    assert truth[pairs].mean() < 0.1
    true_signs = np.sign(simulated.coefficients[0])[truth[:5, :5]]
    strong = np.abs(found.strength[:5, :5][truth[:5, :5]]) > 0.2
    assert (np.sign(found.strength[:5, :5])[truth[:5, :5]] == true_signs)[strong].all()


def test_what_is_tested_is_what_was_estimated(recorded: Recorded) -> None:
    simulated, movie = recorded
    plain = roi_influence(movie, simulated.rois)
    tested = influence_test(movie, simulated.rois, surrogates=59)
    assert np.array_equal(tested.strength, plain.strength)
    assert plain.p_values is None
    assert tested.p_values is not None
    assert np.isnan(np.diag(tested.p_values)).all()
    assert tested.block_length is not None
    kept = tested.edges(alpha=0.05)
    assert 0 < len(kept) < len(tested.edges())
    assert (kept["p_value"] <= 0.05).all()
    assert (np.diff(np.abs(tested.edges()["strength"])) <= 0).all()


def test_order_and_block_length_can_be_chosen(recorded: Recorded) -> None:
    simulated, movie = recorded
    found = influence_test(movie, simulated.rois, order=2, block=7, surrogates=19)
    assert found.effects.shape == (2, 11, 11)
    assert found.block_length == 7


def test_an_roi_whose_pixels_are_left_out_has_no_edges() -> None:
    simulated = simulate_movie(frames=120, height=48, width=48, dynamic=2, silent=0, flicker=0, seed=1)
    valid_pixels = np.ones((48, 48), bool)
    valid_pixels[:6, :6] = False
    corrections = Corrections(("pixels",), np.ones(120, bool), valid_pixels)
    movie = Movie.from_array(simulated.movie).corrected(corrections)
    images = np.zeros((2, 48, 48), np.float32)
    images[0, 20:26, 20:26] = 1
    images[1, 2:5, 2:5] = 1
    rois = RoiSet(images.reshape(2, -1), np.array([4, 9]), (48, 48))
    found = influence_test(movie, rois, surrogates=19)
    assert (found.strength == 0).all()
    assert found.p_values is not None
    assert (found.p_values[~np.eye(2, dtype=bool)] == 1).all()


@pytest.mark.parametrize("order", [1, 2])
def test_edges_are_found_with_sign_and_lag(order: int) -> None:
    fit = fit_debiased(driven(1500, order), order)
    p_values = family_wise(fit, 6, block_length=10, surrogates=99)
    assert significant(p_values) == {(1, 0), (2, 0)}
    assert int(np.abs(fit.by_lag(fit.coefficients)[:, 1, 0]).argmax()) == order - 1
    assert fit.strength[1, 0] > 0.2
    assert fit.strength[2, 0] < -0.2


def test_p_values_are_those_of_surrogates_made_by_hand() -> None:
    values = driven(300, 2, seed=4)
    fit = fit_debiased(values, 2)
    n, rois, surrogates = 298, 4, 49
    blocks = [np.arange(it.start, it.stop) for it in cut_blocks([range(n)], 10, 0)]
    found = family_wise(fit, rois, block_length=10, surrogates=surrogates, seed=7)

    z = (values - values.mean(0)) / values.std(0)
    z = recent_activity(z)
    past, now = np.concatenate([z[1:-1], z[:-2]], 1), ((values - values.mean(0)) / values.std(0))[2:]

    def score(residuals: NDArray[np.float64], target: int, source: int) -> float:
        others = np.array([it for it in range(12) if it % 6 != target])
        free, ridge = past[:, others], 0.5 * 12 / n
        predictors = free @ np.linalg.inv(free.T @ free / n + ridge * np.eye(10))
        lags = predictors[:, others % 6 == source]
        along = lags @ np.linalg.lstsq(lags, residuals, rcond=None)[0]
        parameters = np.count_nonzero(fit.sparse[:, target])
        deviation = np.sqrt(np.square(fit.residuals[:, target]).sum() / (n - parameters))
        return float(np.linalg.norm(along) / deviation)

    def without(target: int, source: int) -> NDArray[np.float64]:
        kept = np.flatnonzero(fit.sparse[:, target])
        kept = kept[kept % 6 != source]
        weights = np.linalg.lstsq(past[:, kept], now[:, target], rcond=None)[0]
        left: NDArray[np.float64] = now[:, target] - past[:, kept] @ weights
        return left

    pairs = [(target, source) for target in range(rois) for source in range(rois) if target != source]
    draw, largest = np.random.default_rng(7), []
    centred = fit.residuals - fit.residuals.mean(0)
    for _ in range(surrogates):
        shuffled = centred[np.concatenate([blocks[at] for at in draw.permutation(len(blocks))])]
        largest.append(max(score(shuffled[:, pair[0]], *pair) for pair in pairs))
    p = []
    for target, source in pairs:
        s = score(without(target, source), target, source)
        p.append((1 + sum(it >= s for it in largest)) / (1 + surrogates))
        assert found[target, source] == pytest.approx(p[-1])
    assert min(p) == 1 / 50
    assert len(set(p)) > 3
    assert (
        np.count_nonzero(fit.sparse[:, :rois]) > 2 * rois
    )  # some connections are chosen, beside the own past


def test_debiased_is_least_squares_where_there_are_many_frames() -> None:
    values = driven(20_000)
    fit = fit_debiased(values, 1)
    z = (values - values.mean(0)) / values.std(0)
    for target in range(6):  # its own past has a second lag
        past = np.column_stack([z[1:-1], z[:-2, target]])
        expected = np.linalg.lstsq(past, z[2:, target], rcond=None)[0][:6]
        others = np.arange(6) != target
        assert np.allclose(fit.coefficients[others, target], expected[others], atol=2e-3)
    assert np.count_nonzero(fit.sparse) < fit.sparse.size


def test_strength_is_the_correlation_of_what_nothing_else_tells() -> None:
    values = driven(5000, 2)
    past, present = np.concatenate([values[1:-1], values[:-2]], 1), values[2:, 1]
    others = np.column_stack([np.delete(past, [0, 6], 1), np.ones(len(past))])
    present, *lags = (
        it - others @ np.linalg.lstsq(others, it, rcond=None)[0] for it in (present, past[:, 0], past[:, 6])
    )
    expected = np.corrcoef(present, np.stack(lags, 1) @ np.linalg.lstsq(np.stack(lags, 1), present)[0])[0, 1]
    strength = fit_debiased(values, 2).strength
    assert strength[1, 0] == pytest.approx(expected, abs=0.01)
    assert strength[2, 0] == pytest.approx(-expected, abs=0.05)


def test_more_lags_than_needed_cost_little() -> None:
    values = np.random.default_rng(0).standard_normal((3000, 6))
    for t in range(1, 3000):
        values[t] += 0.95 * values[t - 1]
        values[t, 1] += 0.1 * values[t - 1, 0]
    one, three = (fit_debiased(values, order).strength[1, 0] for order in (1, 3))
    assert three > 0.8 * one  # the largest partial correlation with one of three frames: a third


@pytest.mark.parametrize(("frames", "columns", "kept"), [(400, 8, 0.8), (600, 30, 0.9)])
def test_without_connections_five_per_cent_of_recordings_show_one(
    frames: int, columns: int, kept: float
) -> None:
    false = 0
    for seed in range(60):
        draw = np.random.default_rng(seed)
        values = draw.standard_normal((frames, columns))
        for t in range(1, frames):
            values[t] += kept * values[t - 1]
        fit = fit_debiased(values, 1)
        false += bool(significant(family_wise(fit, columns, block_length=15, surrogates=59, seed=seed)))
    assert false <= 8  # binomial: 8 or fewer of 60 at 5 % with probability 0.997


def test_activity_at_the_same_time_is_no_edge() -> None:
    draw = np.random.default_rng(5)
    values = draw.standard_normal((1500, 6)) + 2 * draw.standard_normal((1500, 1))
    for t in range(1, 1500):
        values[t] += 0.6 * values[t - 1]
    assert not significant(family_wise(fit_debiased(values, 1), 6, block_length=10))


def test_a_chain_seen_through_noise_is_not_a_triangle(monkeypatch: pytest.MonkeyPatch) -> None:
    def false_edges() -> int:
        count = 0
        for seed in range(4):
            draw = np.random.default_rng(seed)
            values = draw.standard_normal((3000, 6))
            for t in range(1, 3000):
                values[t] += 0.85 * values[t - 1]
                values[t, 1] += 0.2 * values[t - 1, 0]
                values[t, 2] += 0.2 * values[t - 1, 1]
            values += 0.5 * values.std(0) * draw.standard_normal(values.shape)
            found = significant(family_wise(fit_debiased(values, 1), 6, block_length=20, surrogates=59))
            assert {(1, 0), (2, 1)} <= found
            count += len(found) - 2
        return count

    assert false_edges() == 0
    monkeypatch.setattr(recent, "_KEPT", np.zeros(1))  # the last frame alone
    assert false_edges() >= 3


def test_recent_activity_averages_noise_away_and_nothing_else() -> None:
    draw = np.random.default_rng(0)
    noise = draw.standard_normal((2000, 3))
    truth = np.zeros((2000, 3))
    for t in range(1, 2000):
        truth[t] = 0.9 * truth[t - 1] + noise[t]
    truth /= truth.std(0)
    seen = truth + [0, 1, 2] * draw.standard_normal((2000, 3))
    seen -= seen.mean(0)
    averaged = recent_activity(seen)
    assert np.allclose(averaged[:, 0], seen[:, 0] / seen[:, 0].std())
    assert np.allclose(averaged.std(0), 1)
    for column in (1, 2):
        before, after = (np.corrcoef(truth[:, column], it[:, column])[0, 1] for it in (seen, averaged))
        assert after > before + 0.1
    white = draw.standard_normal((2000, 3))
    assert np.allclose(recent_activity(white), white / white.std(0))

    seen[700:800] = np.nan
    apart, alone = recent_activity(seen), recent_activity(seen[800:])
    assert np.isnan(apart[700:800]).all()
    for one, other in zip(apart[800:].T, alone.T, strict=True):
        assert np.corrcoef(one, other)[0, 1] == pytest.approx(1, abs=1e-3)  # nothing is carried over the gap


def test_a_constant_column_is_left_out() -> None:
    values = driven(600)
    values[:, 4] = 7.0
    fit = fit_debiased(values, 1)
    p_values = family_wise(fit, 6, block_length=10, surrogates=39)
    assert (fit.strength[:, 4] == 0).all()
    assert (p_values[4, [0, 1, 2, 3, 5]] == 1).all()
    assert (1, 0) in significant(p_values)


def test_rois_that_share_light_are_not_tested_against_each_other() -> None:
    values = driven(600).astype(np.float32)
    images = np.zeros((6, 4, 24), np.float32)
    for roi in range(6):
        images[roi, :, 4 * roi : 4 * roi + 4] = 1
    images[1, :, 2:4] = 1  # a part of the first one, which drives it
    rois = RoiSet(images.reshape(6, -1), np.arange(6), (4, 24))
    found = influence_of(fit_activity_var(values, 1), values, rois, 1, surrogates=39)
    assert found.p_values is not None
    assert np.isnan(found.p_values[0, 1])
    assert np.isnan(found.p_values[1, 0])
    assert np.isfinite(found.p_values).sum() == 6 * 5 - 2
    assert (2, 0) in significant(found.p_values)


def test_neighbours_that_change_at_the_same_time_share_light() -> None:
    draw = np.random.default_rng(0)
    residuals = draw.standard_normal((500, 4))
    residuals[:, 1] += 0.3 * residuals[:, 0]
    residuals[:, 3] += 0.3 * residuals[:, 0]
    images = np.zeros((4, 8, 64), np.float32)
    for roi, left in enumerate((0, 9, 18, 50)):
        images[roi, :, left : left + 8] = 1
    rois = RoiSet(images.reshape(4, -1), np.arange(4), (8, 64))
    expected = ~np.eye(4, dtype=bool)
    expected[0, 1] = expected[1, 0] = False  # 3 is far away, 2 changes by itself
    assert (apart(rois, residuals) == expected).all()


def test_it_can_be_cancelled(recorded: Recorded) -> None:
    simulated, movie = recorded
    seen: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> bool:
        seen.append((done, total))
        return done == 2

    with pytest.raises(Cancelled):
        influence_test(movie, simulated.rois, progress=stop)
    assert seen[-1] == (2, 199)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"surrogates": 10, "block_length": 10}, r"^10 surrogates cannot tell 5 %: ask for at least 19"),
        ({"block_length": 90}, r"^Blocks of 90 frames do not fit 10 times into 398 frames: choose shorter"),
        ({"block_length": 0}, r"^Blocks of 0 frames"),
    ],
)
def test_what_cannot_be_tested_is_said(arguments: dict[str, int], sentence: str) -> None:
    fit = fit_debiased(driven(400), 1)
    with pytest.raises(InputError, match=sentence):
        family_wise(fit, 6, **arguments)  # type: ignore[arg-type]


def test_rois_of_another_size_are_refused(recorded: Recorded) -> None:
    _, movie = recorded
    rois = RoiSet(np.ones((1, 100)), np.array([1]), (10, 10))
    with pytest.raises(InputError, match="10 × 10"):
        roi_influence(movie, rois)


def graph(p_values: NDArray[np.float32] | None = None) -> Influence:
    effects, strength = np.zeros((2, 3, 3), np.float32), np.zeros((3, 3), np.float32)
    effects[1, 2, 0], effects[0, 1, 2] = -1, 0.5
    strength[2, 0], strength[1, 2] = -0.5, 0.25
    centres = np.array([[1, 2], [3, 4], [5, 6.5]], np.float32)
    return Influence(np.array([7, 3, 12]), centres, effects, strength, p_values)


def test_csv_has_one_row_per_edge(tmp_path: Path) -> None:
    graph().write_csv(tmp_path / "edges.csv")
    with (tmp_path / "edges.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"source": "7", "target": "12", "lag": "2", "strength": "-0.5", "effect": "-1", "p_value": ""},
        {"source": "12", "target": "3", "lag": "1", "strength": "0.25", "effect": "0.5", "p_value": ""},
    ]


def test_a_pair_that_is_not_tested_leaves_the_others_their_p_values(tmp_path: Path) -> None:
    rois = RoiSet.from_labels(np.diag([7, 3, 12]))
    p_values = np.full((3, 3), 0.01)
    p_values[[0, 1, 2, 2], [0, 1, 2, 0]] = np.nan  # the diagonal, and two that share light
    written = replace(graph(p_values), ids=rois.ids, centres=rois.centres)
    written.write_csv(tmp_path / "edges.csv")
    found = Influence.load(tmp_path / "edges.csv", rois, 2)
    assert found.p_values is not None
    assert np.isnan(found.p_values[2, 0])
    assert len(found.edges(alpha=0.05)) == 1


@pytest.mark.parametrize("tested", [True, False])
def test_a_table_that_was_written_is_read(tmp_path: Path, tested: bool) -> None:
    rois = RoiSet.from_labels(np.diag([7, 3, 12]))
    p_values = np.where(np.eye(3, dtype=bool), np.nan, 1.0)
    p_values[2, 0] = 0.01
    written = graph(p_values if tested else None)
    written = replace(written, ids=rois.ids, centres=rois.centres)
    written.write_csv(tmp_path / "edges.csv")
    found = Influence.load(tmp_path / "edges.csv", rois, 2)
    for name in ("ids", "centres", "effects", "lag", "strength"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
    if tested:
        np.testing.assert_array_equal(
            found.p_values, np.where(written.strength, p_values, np.where(np.eye(3), np.nan, 1))
        )
    else:
        assert found.p_values is None
    assert str(found.edges()) == str(written.edges())  # NaN is not itself
    damaged([tmp_path / "edges.csv"], lambda: Influence.load(tmp_path / "edges.csv", rois, 2))
    with pytest.raises(InputError, match="other ROIs or lags"):
        Influence.load(tmp_path / "edges.csv", rois, 1)
    with pytest.raises(InputError, match="could not be opened"):
        Influence.load(tmp_path / "none.csv", rois, 1)


def test_graphml_has_rois_and_edges(tmp_path: Path) -> None:
    p_values = np.full((3, 3), 1, np.float32)
    p_values[2, 0] = 0.01
    graph(p_values).write_graphml(tmp_path / "graph.graphml", alpha=0.05)
    root = ElementTree.parse(tmp_path / "graph.graphml").getroot()
    space = {"g": "http://graphml.graphdrawing.org/xmlns"}
    assert [node.get("id") for node in root.findall(".//g:node", space)] == ["7", "3", "12"]
    (edge,) = root.findall(".//g:edge", space)
    values = {data.get("key"): data.text for data in edge.findall("g:data", space)}
    assert (edge.get("source"), edge.get("target")) == ("7", "12")
    assert values == {"lag": "2", "strength": "-0.5", "effect": "-1", "weight": "0.5", "p_value": "0.01"}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        graph().write_csv(tmp_path / "missing" / "edges.csv")
