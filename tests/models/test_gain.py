"""What others add to the own past, measured in blocks of held-out frames."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.models.var.gain import gain_from_others, gain_in_words


def errors(gain: float, seed: int, frames: int = 200) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    shared = random.chisquare(10, frames)
    return (1 - gain) * shared + random.normal(0, 0.3, frames), shared + random.normal(0, 0.3, frames)


def test_the_interval_covers_the_gain_as_often_as_it_says() -> None:
    found = [gain_from_others(*errors(0.05, seed)) for seed in range(400)]
    covered = np.mean([low <= 0.05 <= high for _, low, high in found])
    assert 0.91 <= covered <= 0.98
    assert np.mean([gain for gain, *_ in found]) == pytest.approx(0.05, abs=0.001)


def test_without_a_gain_it_includes_zero() -> None:
    found = [gain_from_others(*errors(0.0, seed)) for seed in range(400)]
    assert 0.91 <= np.mean([low <= 0 <= high for _, low, high in found]) <= 0.98


def test_few_frames_have_no_interval_and_no_frames_no_gain() -> None:
    gain, low, high = gain_from_others(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    assert (gain, low, high) == (0.5, None, None)
    assert gain_from_others(np.zeros(50), np.zeros(50)) == (None, None, None)


def test_a_sentence_says_it() -> None:
    names = ("gain_from_others", "gain_from_others_low", "gain_from_others_high")
    assert "12.3 %" in gain_in_words(dict(zip(names, (0.123, 0.1, 0.14), strict=True)))
    assert "cannot be told" in gain_in_words(dict(zip(names, (0.01, -0.01, 0.03), strict=True)))
    assert "cannot be told" in gain_in_words(dict(zip(names, (0.01, None, None), strict=True)))
    assert not gain_in_words({})
