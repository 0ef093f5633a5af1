"""With many latents only neighbours are compared; with everybody as a neighbour, that is the full comparison."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from napari_calcdyn.analysis.sequences.changes import find_changes, random_signs
from napari_calcdyn.analysis.sequences.common_var import CommonVAR
from napari_calcdyn.analysis.sequences.comparison import Comparison, compare_sequences
from napari_calcdyn.analysis.sequences.condition_blocks import make_blocks
from napari_calcdyn.models.var import Neighbourhoods, Selection, penalty_weights
from napari_calcdyn.recording import Cancelled

ROWS, COLUMNS = 5, 6
LATENTS = ROWS * COLUMNS
CHANGED = {(8, 7), (20, 14)}


def grid(rows: int = ROWS, columns: int = COLUMNS) -> torch.Tensor:
    return 8.0 * torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).float()


def around(radius: float) -> Neighbourhoods:
    return Neighbourhoods.within(grid(), 8.0, radius)


def recording(seed: int, frames: int = 400, *, changed: bool = False) -> np.ndarray:
    """Each latent drives the next one in its row; in the second half, two others change sign."""
    rng = np.random.default_rng(seed)
    rules = np.zeros((2, LATENTS, LATENTS))
    rules[:] = np.diag(np.random.default_rng(0).uniform(0.3, 0.6, LATENTS))
    for source in range(LATENTS - 1):
        if (source + 1) % COLUMNS:
            rules[:, source + 1, source] = 0.25
    for target, source in CHANGED if changed else ():
        rules[:, target, source] = 0.3, -0.3
    values = np.zeros((2 * frames + 100, LATENTS))
    for t in range(1, len(values)):
        values[t] = rules[int(t >= frames + 100)] @ values[t - 1] + rng.standard_normal(LATENTS)
    return values[100:]


def compare(latents: np.ndarray, near: Neighbourhoods | None, **options: object) -> Comparison:
    half = len(latents) // 2
    stretches = [range(half)], [range(half, len(latents))]
    return compare_sequences(latents, *stretches, neighbourhoods=near, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["ebic", "cross-validation"])
def test_with_everybody_as_a_neighbour_it_is_the_full_comparison(rule: str) -> None:
    latents = recording(0, changed=True) * np.geomspace(0.1, 10, LATENTS)
    latents[:, 3] = 7.0
    latents[100:120] = np.nan
    found = []
    for near in (None, around(10)):
        weights = penalty_weights(grid(), 8.0, 2, distance_penalty=0.3, neighbourhoods=near)
        options = {"order": 2, "permutations": 99, "weights": weights, "selection": Selection(rule)}  # type: ignore[arg-type]
        found.append(compare(latents, near, **options))
    full, local = found
    assert full.p_value <= 0.05
    assert local.ids is full.ids is None
    for name, expected in vars(full).items():
        if name == "ids":
            continue
        np.testing.assert_allclose(getattr(local, name), expected, rtol=1e-8, atol=1e-8, err_msg=name)
    np.testing.assert_array_equal(local.edges()["target"], full.edges()["target"])


def test_changes_among_neighbours_recomputed_target_by_target() -> None:
    latents, near = recording(1, changed=True), around(1.5)
    blocks = make_blocks(latents, [range(400)], [range(400, 800)], 2, 20, near)
    common = CommonVAR.fit(blocks, Selection(), None)
    signs = random_signs(len(blocks.frames), 19, seed=0)
    found = find_changes(blocks, common, signs, None)

    n = len(blocks.targets)
    in_b = np.repeat([0.0, 1.0], n // 2)
    drawn = np.zeros((20, *found.change.shape))
    for target in range(LATENTS):
        of = near.neighbours[target].numpy()
        there = np.tile(of >= 0, 2)
        z = blocks.predictors[:, np.concatenate([of[of >= 0], of[of >= 0] + LATENTS])]
        kept = (common.coefficients[:, target].numpy() != 0)[there] | np.tile(of[of >= 0] == target, 2)
        y = blocks.targets[:, target]
        e = y - z[:, kept] @ np.linalg.lstsq(z[:, kept], y, rcond=None)[0]
        freed = z @ np.linalg.inv(z.T @ z / n + 0.1 * np.eye(z.shape[1]))
        product = freed * (in_b - 0.5)[:, None] * e[:, None]
        drawn[:, there, target] = signs.repeat(20, axis=1) @ product / np.sqrt(np.square(product).sum(0))
    np.testing.assert_allclose(found.change, drawn[0], atol=1e-10)
    largest = np.abs(drawn[1:]).max((1, 2))
    p_value = (1 + (largest[:, None, None] >= np.abs(drawn[0])).sum(0)) / 20
    np.testing.assert_allclose(found.p_value, p_value)


def test_changed_connections_are_found_and_named() -> None:
    latents = recording(2, 800, changed=True)
    near = around(1.5)
    found = compare(latents, near, order=1, permutations=199)
    assert found.p_value == 1 / 200
    assert found.edge_p.shape == (1, LATENTS, 9)
    assert {(int(it["target"]), int(it["source"])) for it in found.edges()} == CHANGED
    for edge in found.edges():
        assert 0.1 < edge["before"] < 0.4
        assert -0.4 < edge["after"] < -0.1
        assert edge["change"] < -5
    every = found.edges(1.0)
    assert len(every) == (near.neighbours >= 0).sum()
    assert (np.abs(np.subtract(*(grid().numpy()[every[it]] for it in ("target", "source")))) <= 8).all()


def test_p_values_where_nothing_changed_are_uniform() -> None:
    from scipy.stats import kstest

    found = [compare(recording(seed, 200), around(1.5), order=1, permutations=99) for seed in range(60)]
    p = np.array([it.p_value for it in found])
    assert (p <= 0.05).sum() <= 8  # 99.5 % of such runs
    assert kstest(p, "uniform").pvalue > 0.01
    assert sum(len(it.edges()) > 0 for it in found) <= 8


def test_many_latents_take_no_table_of_all_with_all() -> None:
    side = 45
    latents = np.random.default_rng(0).standard_normal((160, side**2)).astype(np.float32)
    near = Neighbourhoods.within(grid(side, side), 8.0, 1)
    compare(latents[:, :9], None, order=1, permutations=19)  # code is loaded
    tracemalloc.start()
    found = compare(latents, near, order=1, permutations=19)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.edge_p.shape == (1, side**2, 5)
    assert peak < 8 * side**4 / 2


def test_it_can_be_stopped_at_any_time() -> None:
    told: list[int] = []
    compare(
        recording(3), around(1.5), order=1, permutations=19, progress=lambda done, total: told.append(done)
    )
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == 19
    for last in (0, len(told) // 3, len(told) - 1):
        calls = iter(range(len(told)))
        with pytest.raises(Cancelled):
            compare(
                recording(3),
                around(1.5),
                order=1,
                permutations=19,
                progress=lambda done, total, calls=calls, last=last: next(calls) == last,
            )
