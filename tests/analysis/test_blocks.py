from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.analysis.blocks import (
    autocorrelation_time,
    automatic_block_length,
    cut_blocks,
    equal_blocks,
)


def ar1(coefficient: float, frames: int, columns: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.zeros((frames, columns))
    for t in range(1, frames):
        values[t] = coefficient * values[t - 1] + rng.standard_normal(columns)
    return values


@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9])
def test_autocorrelation_time_of_a_first_order_process(coefficient: float) -> None:
    expected = (1 + coefficient) / (1 - coefficient)
    assert autocorrelation_time(ar1(coefficient, 20_000, 8)) == pytest.approx(expected, rel=0.2, abs=0.1)


def test_autocorrelation_time_is_that_of_strong_columns_and_forgives_bleaching() -> None:
    fast, slow = ar1(0.0, 4000, 100), ar1(0.9, 4000, 64)
    assert autocorrelation_time(np.hstack([0.01 * fast, slow])) > 14
    bleached = ar1(0.0, 4000, 8) - 0.01 * np.arange(4000)[:, None]
    assert autocorrelation_time(bleached) < 2


def test_autocorrelation_time_of_what_does_not_vary_is_one_frame() -> None:
    assert autocorrelation_time(np.ones((50, 3))) == 1


def test_automatic_length_leaves_enough_blocks() -> None:
    assert automatic_block_length(ar1(0.0, 5000, 8), order=1) == 4
    assert automatic_block_length(ar1(0.0, 5000, 8), order=4) == 10
    assert automatic_block_length(ar1(0.99, 1000, 8), order=1) == 50


def test_blocks_cover_every_frame_that_has_its_past_in_the_same_stretch() -> None:
    stretches = [range(3, 50), range(60, 64), range(70, 72), range(80, 100)]
    blocks = cut_blocks(stretches, length=7, order=2)
    covered = [frame for block in blocks for frame in block]
    assert covered == [*range(5, 50), *range(62, 64), *range(82, 100)]
    for block in blocks:
        assert any(set(range(block.start - 2, block.stop)) <= set(stretch) for stretch in stretches)


def test_blocks_of_a_stretch_differ_by_at_most_one_frame() -> None:
    lengths = [len(block) for block in cut_blocks([range(0, 103)], length=10, order=1)]
    assert min(lengths) >= 10
    assert max(lengths) - min(lengths) <= 1
    assert [len(block) for block in cut_blocks([range(0, 6)], length=10, order=1)] == [5]


def test_blocks_of_one_length_leave_out_as_much_before_as_after() -> None:
    stretches = [range(0, 25), range(30, 40), range(50, 62)]
    assert equal_blocks(stretches, length=10, order=1) == [range(3, 13), range(13, 23), range(51, 61)]
    assert equal_blocks([range(0, 11)], length=10, order=1) == [range(1, 11)]
    assert equal_blocks([range(0, 1)], length=10, order=1) == []
