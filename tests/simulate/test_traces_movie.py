from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from napari_calcdyn.recording import InputError
from napari_calcdyn.simulate.camera import OFFSET
from napari_calcdyn.simulate.culture_movie import movie_of_culture
from napari_calcdyn.simulate.cultures import simulate_cultures
from napari_calcdyn.simulate.movie import movie_of_traces

TRACES = 42 + 10 * np.random.default_rng(0).gamma(0.5, size=(3, 40))
CENTRES = [[8.0, 9.0], [20.0, 30.5], [24.0, 12.0]]
SMALL = {"rest": 42.0, "height": 32, "width": 40, "frame_rate": 20.0}


@pytest.fixture(scope="module")
def cultures():
    return simulate_cultures(("RS", "CH"), 1, 120, 15.0, frame_rate=10.0, seed=1)


def correlations(a, b):
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    return (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))


def test_traces_in_counts_are_the_given_ones_and_the_movie_shows_them():
    simulated = movie_of_traces(TRACES, CENTRES, **SMALL, noise=400.0, kind=["a", "b", "b"])
    np.testing.assert_allclose(simulated.traces, TRACES * 4000 / 42, rtol=1e-6)
    assert simulated.movie.shape == (40, 32, 40)
    assert simulated.kind.tolist() == ["a", "b", "b"]
    assert not simulated.coefficients.size
    assert not simulated.dynamic_mask.any()
    np.testing.assert_allclose(simulated.rois.centres, CENTRES, atol=0.7)
    pixels = simulated.movie.reshape(40, -1).astype(float) - OFFSET
    brightest = simulated.weights.toarray().argmax(1)
    for cell, trace in zip(brightest, simulated.traces, strict=True):
        slope = np.polyfit(trace, pixels[:, cell], 1)[0]
        assert slope == pytest.approx(1, abs=0.1)


def test_rois_are_the_footprints_numbered_as_the_labels():
    simulated = movie_of_traces(TRACES, CENTRES, **SMALL)
    np.testing.assert_array_equal(simulated.rois.ids, [1, 2, 3])
    weights = simulated.footprints.reshape(3, -1)
    np.testing.assert_allclose(
        simulated.rois.footprints.toarray(), weights / weights.sum(1, keepdims=True), rtol=1e-5
    )
    for cell, (row, column) in enumerate(CENTRES):
        assert simulated.labels[int(row), int(column)] == cell + 1


def test_extraction_with_the_true_footprints_gives_a_cultures_traces_back(cultures):
    for number, (kind, least) in enumerate((("RS", 0.8), ("CH", 0.9))):
        simulated = movie_of_culture(cultures, number, noise=200.0, seed=4)
        rows = cultures.table["culture"] == number
        assert set(simulated.kind) == {kind}
        assert simulated.frame_rate == 10.0
        assert simulated.pixel_size == (4.0, 4.0)
        extracted = simulated.rois.footprints @ simulated.movie.reshape(150, -1).T.astype(np.float32)
        active = np.ptp(cultures.clean[rows], axis=1) > 5  # more than one spike's worth
        found = correlations(extracted[active], cultures.clean[rows][active])
        assert active.sum() > 20
        # A spike of an RS neuron is not much stronger than the neuropil; some cells lie on a neighbour.
        assert np.median(found) > least
        assert (found > least - 0.2).mean() > 0.9
        # Where the neurons are, in µm, up to where the dish lies in the frame.
        places = simulated.rois.centres * 4.0
        truth = 1000 * np.stack([cultures.table["y_mm"][rows], cultures.table["x_mm"][rows]], axis=1)
        shift = places - truth
        np.testing.assert_allclose(shift, np.broadcast_to(shift.mean(0), shift.shape), atol=2.0)


def test_the_same_seed_gives_the_same_movie(cultures):
    one, same, other = (movie_of_culture(cultures, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.movie, same.movie)
    assert (one.movie != other.movie).mean() > 0.5


def test_footprints_are_never_held_as_images(tmp_path):
    rng = np.random.default_rng(0)
    traces, centres = np.full((400, 5), 42.0), rng.uniform(10, 290, (400, 2))
    tracemalloc.start()
    simulated = movie_of_traces(traces, centres, rest=42.0, height=300, width=300, frame_rate=10.0)
    simulated.save(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 70e6  # as images: 144 MB
    with np.load(tmp_path / "truth.npz") as truth:
        assert sorted(truth) == ["coefficients", "footprints", "kind", "traces"]
        for name in truth:
            np.testing.assert_array_equal(truth[name], getattr(simulated, name))
            assert truth[name].dtype == getattr(simulated, name).dtype


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"traces": TRACES[0]}, "do not match"),
        ({"centres": CENTRES[:2]}, "do not match"),
        ({"kind": ["a", "b"]}, "2 kinds do not match"),
        ({"traces": TRACES - 100}, "finite and not negative"),
        ({"traces": np.where(TRACES > 50, np.nan, TRACES)}, "finite and not negative"),
        ({"rest": 0.0}, "positive value at rest"),
        ({"centres": [[8, 9], [20, 30], [24, 40]]}, "outside the frame of 32 × 40 pixels"),
        ({"radius": (0.1, 2.0)}, "radii from 0.1 to 2 px"),
        ({"noise": "loud"}, "low, middle, high"),
        ({"traces": TRACES[:, :3]}, "frames is 3"),
        ({"drift": 20.0}, "drift is 20"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(change, words):
    with pytest.raises(InputError, match=words) as error:
        movie_of_traces(**({"traces": TRACES, "centres": CENTRES} | SMALL | change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"culture": 2}, "no culture 2: choose 0 to 1"), ({"pixel_size": 0.0}, "pixel size of 0 µm")],
)
def test_a_culture_that_cannot_be_shown_is_refused(cultures, change, words):
    with pytest.raises(InputError, match=words):
        movie_of_culture(cultures, **change)
