from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from napari_calcdyn.analysis.sequences import changes as _changes
from napari_calcdyn.analysis.sequences.changes import find_changes, random_signs
from napari_calcdyn.analysis.sequences.common_var import CommonVAR
from napari_calcdyn.analysis.sequences.comparison import Comparison, compare_sequences
from napari_calcdyn.analysis.sequences.condition_blocks import make_blocks
from napari_calcdyn.models.var.selection import Selection
from napari_calcdyn.recording import Cancelled, InputError

LATENTS = 8


def rules(seed: int = 0, *, changed: bool = False) -> np.ndarray:
    """A sparse VAR of order 1: own decay, and each latent drives the next one; two of those links may change sign."""
    rng = np.random.default_rng(seed)
    matrix = np.diag(rng.uniform(0.5, 0.7, LATENTS))
    for source in range(LATENTS):
        matrix[(source + 1) % LATENTS, source] = 0.25
    if changed:
        matrix[1, 0] = matrix[5, 4] = -0.25
    return matrix


def run(matrix: np.ndarray, frames: int, seed: int, size: float | np.ndarray = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.zeros((frames + 100, LATENTS))
    for t in range(1, len(values)):
        values[t] = matrix @ values[t - 1] + size * rng.standard_normal(LATENTS)
    return values[100:]


def halves(
    seed: int, frames: int = 400, *, changed: bool = False, size: float | np.ndarray = 1.0
) -> np.ndarray:
    return np.vstack(
        [run(rules(), frames, 2 * seed), run(rules(changed=changed), frames, 2 * seed + 1, size)]
    )


def compare(latents: np.ndarray, permutations: int = 99, **options: object) -> Comparison:
    half = len(latents) // 2
    a, b = [range(half)], [range(half, len(latents))]
    return compare_sequences(latents, a, b, order=1, permutations=permutations, **options)  # type: ignore[arg-type]


def test_p_values_where_nothing_changed_are_uniform() -> None:
    from scipy.stats import kstest

    found = [compare(halves(seed)) for seed in range(60)]
    p = np.array([it.p_value for it in found])
    assert (p <= 0.05).sum() <= 8  # 99.5 % of such runs
    assert kstest(p, "uniform").pvalue > 0.01
    assert sum(len(it.edges()) > 0 for it in found) <= 8
    gone = np.mean([it.statistic for it in found]) / LATENTS
    assert abs(np.mean([it.effect for it in found])) < 0.1 * gone


def test_a_change_is_seen_with_its_edges_in_units_of_the_latents() -> None:
    units = np.geomspace(0.1, 10, LATENTS)
    found = compare(halves(0, 800, changed=True) * units + 100, permutations=199)
    assert found.p_value == 1 / 200
    assert 0.005 < found.effect < found.statistic / LATENTS
    edges = found.edges()
    assert {(int(it["source"]), int(it["target"])) for it in edges} == {(0, 1), (4, 5)}
    for edge in edges:
        scale = units[edge["target"]] / units[edge["source"]]
        assert 0.1 < edge["before"] / scale < 0.35
        assert -0.35 < edge["after"] / scale < -0.1
        assert edge["lag"] == 1
    assert found.edge_change[0, 1, 0] < 0


def test_neither_a_shift_nor_a_factor_changes_the_answer() -> None:
    latents = halves(3, changed=True)
    plain = compare(latents)
    other = latents.copy()
    other[len(other) // 2 :] = 3 * other[len(other) // 2 :] + 50
    # Not to the last digit: blocks are as long as the latents are slow.
    same = compare(other, block=plain.block_length)
    assert same.statistic == pytest.approx(plain.statistic, rel=1e-3)
    assert np.allclose(same.null, plain.null, rtol=1e-2)


def test_stronger_innovations_in_one_condition_are_no_change_of_rules() -> None:
    p = np.array([compare(halves(100 + seed, size=3.0)).p_value for seed in range(40)])
    assert (p <= 0.05).sum() <= 6  # 99 % of such runs


def test_some_latents_livelier_in_one_condition_are_no_change_of_rules() -> None:
    size = np.ones(LATENTS)
    size[:3] = 2.0
    found = []
    for seed in range(40):
        latents = halves(200 + seed, 600, size=size)[300:]  # 300 frames of A, 600 of B
        found.append(compare_sequences(latents, [range(300)], [range(300, 900)], order=1, permutations=99))
    assert sum(it.p_value <= 0.05 for it in found) <= 6  # 99 % of such runs
    assert sum(len(it.edges()) > 0 for it in found) <= 6
    # That they are livelier is an answer of its own.
    assert np.mean([it.loudness[:3] for it in found]) == pytest.approx(2, rel=0.05)
    assert np.mean([it.loudness[3:] for it in found]) == pytest.approx(1, rel=0.05)
    assert np.mean([it.loudness_p[:3] <= 0.05 for it in found]) > 0.9
    assert sum((it.loudness_p[3:] <= 0.05).any() for it in found) <= 6


def test_the_loudness_does_not_depend_on_the_units_nor_on_the_rules() -> None:
    latents = halves(1, 800, changed=True)
    plain = compare(latents)
    assert plain.p_value <= 0.05
    assert plain.loudness_p.min() > 0.05
    twice = compare(np.vstack([latents[:800], 2 * latents[800:]]), block=plain.block_length)
    assert np.allclose(twice.loudness, 2 * plain.loudness, rtol=1e-6)
    assert (twice.loudness_p <= 0.05).all()


def test_changes_of_connections_recomputed_frame_by_frame() -> None:
    size = np.where(np.arange(LATENTS) < 3, 2.0, 1.0)
    latents = halves(5, changed=True, size=size)
    blocks = make_blocks(latents, [range(400)], [range(400, 800)], 1, 20)
    common = CommonVAR.fit(blocks, Selection(), None)
    signs = random_signs(len(blocks.frames), 19, seed=0)
    found = find_changes(blocks, common, signs, None)

    z, y = blocks.predictors, blocks.targets
    in_b = np.repeat([0.0, 1.0], 380)
    assert np.allclose([z[:380].mean(0), z[380:].mean(0)], 0)
    freed = z @ np.linalg.inv(z.T @ z / 760 + 0.1 * np.eye(LATENTS))
    expected = np.empty((LATENTS, LATENTS))
    drawn = np.empty((19, LATENTS, LATENTS))
    for target in range(LATENTS):
        chosen = (common.coefficients[:, target] != 0).numpy()
        chosen[target] = True
        effects = np.linalg.lstsq(z[:, chosen], y[:, target], rcond=None)[0]
        e = y[:, target] - z[:, chosen] @ effects
        for source in range(LATENTS):
            x = freed[:, source] * (in_b - 0.5)
            error = np.sqrt(np.square(x) @ np.square(e))
            expected[source, target] = x @ e / error
            drawn[:, source, target] = signs[1:].repeat(20, axis=1) @ (x * e) / error
    assert np.allclose(found.change, expected)
    largest = np.abs(drawn).max((1, 2))
    p_value = (1 + (largest[:, None, None] >= np.abs(expected)).sum(0)) / 20
    assert np.allclose(found.p_value, p_value)
    from scipy.stats import norm

    threshold = norm.isf(5 / (2 * LATENTS**2))
    excess = np.square(np.maximum(np.abs(expected) - threshold, 0))
    assert np.allclose(found.excess, excess.sum(0))
    assert np.allclose(found.null, np.square(np.maximum(np.abs(drawn) - threshold, 0)).sum((1, 2)))
    gained = [(np.square(it) * (np.abs(it) > threshold)).sum() for it in (expected, *drawn)]
    assert found.effect == pytest.approx((gained[0] - np.mean(gained[1:])) / (760 * LATENTS))


def test_the_same_seed_gives_the_same_answer() -> None:
    latents = halves(6)
    one = compare(latents)
    again = compare(latents)
    assert np.array_equal(one.null, again.null)
    assert np.array_equal(one.edge_p, again.edge_p)
    assert not np.array_equal(one.null, compare(latents, seed=1).null)


def test_no_frame_outside_the_stretches_counts() -> None:
    latents = halves(7)
    a = [range(0, 150), range(170, 390)]
    b = [range(400, 600), range(603, 800)]
    spoiled = latents.copy()
    for gap in (range(150, 170), range(390, 400), range(600, 603)):
        spoiled[gap.start : gap.stop] = 1e6
    options = {"order": 2, "permutations": 39}
    one, other = (compare_sequences(it, a, b, **options) for it in (latents, spoiled))  # type: ignore[arg-type]
    assert one.statistic == other.statistic
    assert np.array_equal(one.null, other.null)


def test_bouts_of_different_length_give_equal_blocks() -> None:
    rng = np.random.default_rng(0)
    edges = np.cumsum(rng.integers(12, 60, 41))
    latents = run(rules(), int(edges[-1]), 8)
    bouts = [range(int(p), int(q)) for p, q in pairwise(edges)]
    found = compare_sequences(latents, bouts[::2], bouts[1::2], order=1, permutations=39)
    assert found.block_length >= 4
    for samples, chosen in zip(found.samples, (bouts[::2], bouts[1::2]), strict=True):
        assert samples % found.block_length == 0
        assert samples >= 0.7 * sum(map(len, chosen))


def test_automatic_blocks_are_never_too_few() -> None:
    # Blocks of 7 frames would leave out less than those of 4, but there are four of them.
    lengths, a = [8, 8, 8, 8, 5], []
    for length in lengths:
        start = a[-1].stop if a else 0
        a.append(range(start, start + length))
    latents = np.cumsum(np.random.default_rng(3).standard_normal((237, 2)), 0)
    found = compare_sequences(latents, a, [range(37, 237)], order=1, permutations=19)
    assert found.block_length == 4
    assert found.samples[0] == 20


def test_conditions_of_different_size_keep_their_sizes() -> None:
    latents = run(rules(), 800, 9)
    blocks = make_blocks(latents, [range(200)], [range(200, 800)], 1, "auto")
    signs = random_signs(len(blocks.frames), 50, seed=0)
    assert (signs[0] == 1).all()
    assert set(signs.ravel().tolist()) == {-1.0, 1.0}
    assert len(blocks.targets[blocks.conditions[0]]) == blocks.in_a * blocks.length
    assert {len(frames) for frames in blocks.frames} == {blocks.length}


def test_constant_and_equal_latents_are_left_out() -> None:
    latents = halves(10, changed=True)
    latents = np.hstack([latents, np.full((len(latents), 1), 3.0), latents[:, :1]])
    found = compare(latents)
    assert found.p_value <= 0.05
    assert np.isfinite(found.null).all()
    assert (found.edge_p[:, LATENTS] == 1).all()
    assert (found.edge_p[:, :, LATENTS] == 1).all()


def test_more_latents_than_frames_give_an_answer() -> None:
    latents = np.random.default_rng(0).standard_normal((80, 100)).astype(np.float32)
    found = compare(latents, permutations=19)
    assert np.isfinite(found.statistic)
    assert np.isfinite(found.edge_p).all()


@pytest.mark.parametrize("rule", ["ebic", "cross-validation", "fraction", "nonzeros"])
def test_any_rule_for_the_penalty(rule: str) -> None:
    found = compare(halves(11, changed=True), selection=Selection(rule))  # type: ignore[arg-type]
    assert found.p_value <= 0.05


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([range(0, 100)], [range(90, 200)], {}, "0:100 of A and 90:200 of B overlap"),
        ([range(0, 100), range(50, 120)], [range(120, 200)], {}, "overlap"),
        (
            [range(0, 100)],
            [range(100, 300)],
            {},
            "100:300 of B is not in the recording, which has 200 frames",
        ),
        ([], [range(100, 200)], {}, "A is too short"),
        ([range(0, 100)], [range(190, 200)], {}, "B is too short"),
        ([range(0, 1)] * 1, [range(100, 200)], {}, "A is too short"),
        ([range(0, 100)], [range(100, 200)], {"block": 3}, "too short for order 1"),
        ([range(0, 100)], [range(100, 200)], {"block": 40}, "A has room for 2 blocks of 40 frames"),
        ([range(0, 100)], [range(100, 200)], {"permutations": 5}, "at least 19"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_sentence(
    a: list[range], b: list[range], options: dict[str, int], message: str
) -> None:
    latents = run(rules(), 200, 12)
    with pytest.raises(InputError, match=message):
        compare_sequences(latents, a, b, order=1, **options)  # type: ignore[arg-type]


def test_nan_is_refused() -> None:
    latents = run(rules(), 200, 13)
    latents[5, 2] = np.nan
    with pytest.raises(InputError, match="NaN"):
        compare(latents)


def test_frames_that_are_left_out_are_gaps_and_no_joints() -> None:
    latents = halves(7)
    masked = latents.copy()
    for gap in (range(150, 170), range(390, 401), range(600, 603)):
        masked[gap.start : gap.stop] = np.nan
    options = {"order": 2, "permutations": 39}
    a, b = [range(0, 150), range(170, 390)], [range(401, 600), range(603, 800)]
    cut = compare_sequences(latents, a, b, **options)  # type: ignore[arg-type]
    found = compare_sequences(masked, [range(400)], [range(400, 800)], **options)  # type: ignore[arg-type]
    assert found.statistic == cut.statistic
    assert found.samples == cut.samples
    assert np.array_equal(found.null, cut.null)
    assert np.array_equal(found.loudness, cut.loudness)


def test_too_few_frames_that_are_not_left_out_are_too_short() -> None:
    latents = halves(7)
    latents[10:400] = np.nan
    with pytest.raises(InputError, match="A is too short"):
        compare(latents)
    latents[:] = np.nan
    with pytest.raises(InputError, match="A is too short"):
        compare(latents)


def test_progress_is_reported_and_can_stop_the_work() -> None:
    told: list[tuple[int, int]] = []
    compare(halves(14), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (99, 99)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    with pytest.raises(Cancelled):
        compare(halves(14), progress=lambda done, total: True)


def test_labellings_are_looked_at_in_parts_that_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    latents = halves(15, changed=True)
    whole = compare(latents)
    monkeypatch.setattr(_changes, "_ROWS", 7)
    monkeypatch.setattr(_changes, "_COLUMNS", 10)
    told: list[tuple[int, int]] = []
    parts = compare(latents, progress=lambda done, total: told.append((done, total)))
    assert parts.p_value == whole.p_value
    assert np.array_equal(parts.edge_p, whole.edge_p)
    assert np.allclose(parts.null, whole.null)
    assert np.allclose(parts.edge_change, whole.edge_change, rtol=1e-5)
    done = [it for it, _ in told]
    assert done == sorted(done)
    assert told[-1] == (99, 99)


def test_many_permutations_of_many_edges_take_little_memory() -> None:
    latents = np.random.default_rng(0).standard_normal((300, 90))
    blocks = make_blocks(latents, [range(150)], [range(150, 300)], 1, 15)
    common = CommonVAR.fit(blocks, Selection(), None)
    signs = random_signs(len(blocks.frames), 2999, seed=0)
    tracemalloc.start()
    find_changes(blocks, common, signs, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6  # all at once they take 600 MB
