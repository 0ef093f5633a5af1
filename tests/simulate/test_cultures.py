from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from napari_calcdyn.recording import Cancelled, InputError
from napari_calcdyn.simulate.culture import KINDS
from napari_calcdyn.simulate.cultures import LONGEST_ONSET, simulate_cultures
from napari_calcdyn.simulate.fluorescence import fluorescence
from napari_calcdyn.simulate.spiking import Spikes

SMALL = {"cultures": 2, "neurons": 30, "seconds": 3.0}


@pytest.fixture(scope="module")
def small():
    return simulate_cultures(**SMALL, seed=2)


def random_spikes(seed=0, number=5, seconds=8.0):
    rng = np.random.default_rng(seed)
    steps = np.sort(rng.integers(0, int(1000 * seconds), 120))
    return Spikes(steps, rng.integers(0, number, 120), number, seconds)


@pytest.mark.parametrize(("frame_rate", "onset"), [(50.0, 0.0), (50.0, 1.234), (33.3, 0.5), (7.0, 2.0)])
def test_fluorescence_is_the_sum_over_spikes_of_equation_2(frame_rate, onset):
    spikes = random_spikes()
    found = fluorescence(spikes, frame_rate, onset=onset)
    times = onset + np.arange(found.shape[1]) / frame_rate
    expected = np.full(found.shape, 42.0)
    for step, neuron in zip(spikes.steps, spikes.neurons, strict=True):
        later = times > step / 1000 + 1e-9
        kappa = np.exp(-(times[later] - step / 1000) / 1.82)
        expected[neuron, later] += (
            42 * 0.113 * (kappa + 0.81 * (kappa**2 - kappa) - 0.056 * (kappa**3 - kappa))
        )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert expected.max() > 60


def test_fluorescence_of_fewer_frames_is_the_beginning():
    spikes = random_spikes()
    np.testing.assert_array_equal(fluorescence(spikes, frames=100), fluorescence(spikes)[:, :100])
    assert fluorescence(spikes).shape == (5, 400)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": 401}, "401 frames at 50 Hz from 0 s on do not fit into 8 s"),
        ({"onset": 9.0}, "do not fit"),
        ({"onset": -1.0}, "do not fit"),
        ({"frame_rate": 0.0}, "frame rate of 0 Hz"),
    ],
)
def test_frames_that_were_not_simulated_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        fluorescence(random_spikes(), **change)


def test_traces_and_truth_of_every_neuron(small):
    table, number = small.table, 3 * 2 * 30
    assert small.clean.shape == small.traces.shape == (number, 150)
    assert small.clean.dtype == small.traces.dtype == np.float32
    assert list(table) == [
        *("neuron", "culture", "type", "excitatory", "a", "b", "v0", "du"),
        *("x_mm", "y_mm", "onset_s", "rate_hz"),
    ]
    assert {len(column) for column in table.values()} == {number}
    np.testing.assert_array_equal(table["neuron"], np.arange(number))
    np.testing.assert_array_equal(table["culture"], np.repeat(np.arange(6), 30))
    np.testing.assert_array_equal(table["type"], np.repeat(["RS", "IB", "CH"], 60))
    assert table["excitatory"].dtype == bool
    assert table["excitatory"].mean() == pytest.approx(0.8)
    assert np.hypot(table["x_mm"], table["y_mm"]).max() <= np.sqrt(30 / (250 * np.pi))
    for kind, presets in KINDS.items():
        for name, preset in zip(("a", "b", "v0", "du"), presets, strict=True):
            relative = table[name][table["type"] == kind] / preset
            assert 0.75 < relative.min() < relative.max() < 1.25
    onsets = np.unique(table["onset_s"])
    assert len(onsets) == 6  # one for every culture
    assert 0 <= onsets.min() <= onsets.max() <= LONGEST_ONSET
    assert small.clean.min() >= 41.99
    assert table["rate_hz"].min() >= 0
    assert (small.clean.max(1) > 45)[table["rate_hz"] > 1].mean() > 0.9


def test_noise_has_the_given_standard_deviation_on_the_same_clean_traces(small):
    for sigma in (0.5, 2.5):
        noise = (small.noisy(sigma, seed=3) - small.clean).astype(np.float64)
        assert noise.std() == pytest.approx(sigma, rel=0.02)
        assert noise.mean() == pytest.approx(0, abs=0.05 * sigma)
    np.testing.assert_array_equal(small.traces, small.noisy(1.0, seed=2))
    assert (small.noisy(1.0, seed=3) != small.traces).mean() > 0.9
    np.testing.assert_array_equal(small.noisy(0.0), small.clean)
    with pytest.raises(InputError, match="noise level of -1"):
        small.noisy(-1)


def test_a_culture_depends_only_on_the_seed_its_type_and_its_place(small):
    fewer = simulate_cultures(("CH", "RS"), **(SMALL | {"cultures": 1}), seed=2)
    for kind in ("CH", "RS"):
        place = small.table["culture"] == np.flatnonzero(small.table["type"] == kind)[0] // 30
        np.testing.assert_array_equal(fewer.clean[fewer.table["type"] == kind], small.clean[place])
    other = simulate_cultures(("RS",), **(SMALL | {"cultures": 1}), seed=3)
    assert (other.table["x_mm"] != small.table["x_mm"][:30]).all()
    # Cultures of one seed have nothing in common.
    assert len(np.unique(small.table["x_mm"])) == len(small.clean)


def test_thirty_seconds_take_at_most_thirty_two():
    seen = []
    found = simulate_cultures(
        ("IB",), 2, 10, progress=lambda done, total: seen.append((done, total)) and False
    )
    assert found.clean.shape == (20, 1500)
    assert {total for _, total in seen} == {64_000}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == 64_000


def test_cancelling_stops_at_once():
    with pytest.raises(Cancelled):
        simulate_cultures(**SMALL, progress=lambda done, total: done > 0)


def test_saved_files_hold_traces_truth_and_settings(small, tmp_path):
    folder = tmp_path / "new" / "folder"
    small.save(folder)
    small.save(folder)  # replaces its own files
    assert sorted(path.name for path in folder.iterdir()) == [
        *("clean.npy", "culture.json", "neurons.csv", "traces.npy"),
    ]
    np.testing.assert_array_equal(np.load(folder / "traces.npy"), small.traces)
    np.testing.assert_array_equal(np.load(folder / "clean.npy"), small.clean)
    with (folder / "neurons.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(small.table)
    for name, column in small.table.items():
        read = [row[name] for row in rows]
        if column.dtype.kind in "if":
            np.testing.assert_array_equal(np.array(read, column.dtype), column)
        else:
            assert read == [str(value) for value in column]
    settings = json.loads((folder / "culture.json").read_text(encoding="utf-8"))
    assert settings == {
        "kinds": ["RS", "IB", "CH"],
        "cultures": 2,
        "neurons": 30,
        "seconds": 3.0,
        "sigma": 1.0,
        "frame_rate": 50.0,
        "axon_length": 0.1,
        "excitatory_share": 0.8,
        "contact_kept": 0.5,
        "seed": 2,
    }


def test_an_unwritable_folder_is_one_clear_sentence(small, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        small.save(tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kinds": ("RS", "FS")}, "'FS' is not known: choose among RS, IB, CH"),
        ({"kinds": ("RS", "RS")}, "each named once"),
        ({"kinds": ()}, "one or more of RS, IB and CH"),
        ({"cultures": 0}, "cultures is 0"),
        ({"neurons": 1}, "1 neurons cannot be simulated"),
        ({"seconds": 0.0}, "seconds is 0"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"sigma": -1.0}, "sigma is -1"),
        ({"frame_rate": 0.0}, "frame_rate is 0"),
        ({"axon_length": 9.0}, "axon length of 9 mm"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(change, words):
    with pytest.raises(InputError, match=words) as error:
        simulate_cultures(**(SMALL | change))
    assert "\n" not in str(error.value)


def test_simulating_loads_neither_torch_nor_napari():
    code = "import sys, napari_calcdyn.simulate.cultures as m; print({'torch', 'napari'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
