"""Images that are the same at all times behave like the stack in which they are repeated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_calcdyn.gui.layers.at_all_times import AtAllTimes
from napari_calcdyn.recording import InputError

IMAGES = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)


@pytest.mark.parametrize(
    "index",
    [
        2,
        slice(1, 3),
        (2, 9),
        (np.int64(2), np.int64(9), slice(None), slice(None)),
        (slice(None), 0),
        (slice(None), slice(2, 4), 3),
        (3, slice(None), 1, 2),
        (slice(1, 3), slice(0, 10, 3), slice(2, 5), slice(None, None, 2)),
        ([0, 4], slice(2, 4)),
    ],
    ids=str,
)
def test_it_is_indexed_like_the_repeated_stack(index: Any) -> None:
    stack = np.repeat(IMAGES[:, None], 10, axis=1)
    repeated = AtAllTimes(IMAGES, 10)
    np.testing.assert_array_equal(repeated[index], stack[index])
    np.testing.assert_array_equal(np.asarray(repeated), stack)
    assert (repeated.shape, repeated.size, repeated.ndim, len(repeated)) == (stack.shape, stack.size, 4, 5)
    assert repeated.dtype == np.float32


def test_repeating_takes_no_memory() -> None:
    assert AtAllTimes(IMAGES, 10**12)[2:4].strides[1] == 0


def test_what_cannot_be_read_is_clear_and_told_once() -> None:
    class Gone:
        shape, dtype = IMAGES.shape, IMAGES.dtype

        def __getitem__(self, index: Any) -> np.ndarray:
            raise InputError("The map is gone: make a new one.")

    told = len(notification_manager.records)
    repeated = AtAllTimes(Gone(), 10)
    assert np.isnan(repeated[2, 3]).all()
    assert np.isnan(repeated[1:3, 2:6, :, 4]).all()
    assert repeated[1:3, 2:6, :, 4].shape == (2, 4, 6)
    assert [it.message for it in notification_manager.records[told:]] == ["The map is gone: make a new one."]
