"""How well recordings mix, and whether types are told across them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn import InputError
from napari_calcdyn.analysis.neurons.across import accuracy_across, counterpart_share, recording_mixing

RNG = np.random.default_rng(0)
RECORDING = np.repeat(np.arange(4), (40, 60, 100, 100))
ALIKE = RNG.normal(size=(300, 3))


def test_recordings_that_are_one_mix_and_others_do_not() -> None:
    assert recording_mixing(ALIKE, RECORDING) == pytest.approx(1, abs=0.05)
    assert recording_mixing(ALIKE + 100 * RECORDING[:, None], RECORDING) == 0
    half = recording_mixing(np.hstack([ALIKE, 100 * (RECORDING[:, None] > 1)]), RECORDING)
    assert 0.3 < half < 0.8


def test_a_type_that_is_only_known_by_its_recording_is_not_told() -> None:
    types = RECORDING % 2
    by_recording = ALIKE + 100 * RECORDING[:, None]
    told, chance = accuracy_across(ALIKE + 100 * types[:, None], types, RECORDING)
    assert told == 1
    assert chance == 0.5
    assert accuracy_across(by_recording, types, RECORDING)[0] < 0.1


def test_a_type_without_a_difference_is_told_by_chance_though_its_own_recording_has_no_vote() -> None:
    told, chance = accuracy_across(ALIKE, np.array(["a", "b"])[RECORDING // 2], RECORDING)
    assert told == pytest.approx(chance, abs=0.1)


def test_the_same_neurons_find_themselves() -> None:
    share, chance = counterpart_share(ALIKE, ALIKE + 0.01, k=5)
    assert share > 0.95
    assert chance == 5 / 300
    assert counterpart_share(ALIKE, RNG.normal(size=ALIKE.shape), k=5)[0] < 0.1


def test_what_cannot_be_measured() -> None:
    with pytest.raises(InputError, match="one recording only"):
        recording_mixing(ALIKE, np.zeros(300))
    with pytest.raises(InputError, match="too few for neighbourhoods"):
        recording_mixing(ALIKE[:10], RECORDING[::30])
    with pytest.raises(InputError, match="too few for a vote of 10"):
        accuracy_across(ALIKE[:9], np.zeros(9), np.arange(9) % 2)
    with pytest.raises(InputError, match="the same neurons twice"):
        counterpart_share(ALIKE, ALIKE[1:])
    with pytest.raises(InputError, match="too few for 10 neighbours"):
        counterpart_share(ALIKE[:9], ALIKE[:9])
