from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from napari_calcdyn.recording import InputError
from napari_calcdyn.simulate.activity import simulate_activity, sparse_coefficients
from napari_calcdyn.simulate.camera import GAIN, OFFSET, READ_NOISE
from napari_calcdyn.simulate.movie import simulate_movie

SMALL = {"frames": 60, "height": 48, "width": 56, "dynamic": 3, "silent": 2, "flicker": 2}


def regress(traces, order):
    """Least squares VAR of traces (N, T), as [lag, target, source], and its residuals."""
    x = traces.astype(np.float64)
    x = x - x.mean(1, keepdims=True)
    frames = x.shape[1]
    past = np.concatenate([x[:, order - lag : frames - lag] for lag in range(1, order + 1)])
    now = x[:, order:]
    flat = np.linalg.lstsq(past.T, now.T, rcond=None)[0].T
    return flat.reshape(len(x), order, len(x)).transpose(1, 0, 2), now - flat @ past


@pytest.fixture(scope="module")
def usual():
    return simulate_movie(frames=600, noise="middle", seed=1)


@pytest.mark.parametrize("order", [1, 2])
def test_regression_on_the_stored_traces_recovers_the_coefficients(order):
    simulated = simulate_movie(
        frames=20_000, height=32, width=32, dynamic=4, silent=0, flicker=0, order=order, seed=3
    )
    assert simulated.coefficients.shape == (order, 4, 4)
    found, residuals = regress(simulated.traces, order)
    scale = simulated.traces.std(1)
    unit = scale[None, None, :] / scale[None, :, None]  # compare in standard deviations of the cells
    np.testing.assert_allclose(found * unit, simulated.coefficients * unit, atol=0.03)
    # What is left has no memory and is not shared.
    correlation = np.corrcoef(np.concatenate([residuals[:, 1:], residuals[:, :-1]]))
    assert np.abs(correlation - np.diag(np.diag(correlation))).max() < 0.03
    # Skewed, as calcium events are.
    assert (((residuals / residuals.std(1, keepdims=True)) ** 3).mean(1) > 1).all()


@pytest.mark.parametrize("frame_rate", [5.0, 10.0, 30.0])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_coefficients_are_sparse_signed_and_stable(frame_rate, order):
    rng = np.random.default_rng(0)
    coefficients = sparse_coefficients(30, order, frame_rate, rng)
    companion = np.eye(30 * order, k=-30)
    companion[:30] = np.concatenate(list(coefficients), axis=1)
    assert np.abs(np.linalg.eigvals(companion)).max() < 1
    links = coefficients * ~np.eye(30, dtype=bool)
    assert 15 <= np.count_nonzero(links) <= 75
    assert (links > 0).sum() > (links < 0).sum() > 0
    activity = simulate_activity(coefficients, 20_000, frame_rate, rng)
    np.testing.assert_allclose(activity.values.std(1), 1, atol=0.15)
    np.testing.assert_allclose(activity.values.mean(1), activity.mean, atol=0.2)


def test_shapes_kinds_and_dtypes(usual):
    assert usual.movie.shape == (600, 128, 128)
    assert usual.movie.dtype == np.uint16
    assert usual.footprints.shape == (50, 128, 128)
    assert usual.footprints.dtype == usual.traces.dtype == np.float32
    assert usual.traces.shape == (50, 600)
    assert usual.coefficients.shape == (1, 20, 20)
    assert usual.kind.tolist() == ["dynamic"] * 20 + ["silent"] * 15 + ["flicker"] * 15
    assert usual.frame_rate == 10.0


def test_cells_look_like_somata_and_hardly_overlap(usual):
    np.testing.assert_array_equal(usual.footprints.max((1, 2)), 1)
    assert usual.footprints.min() == 0
    areas = (usual.footprints > 0.5).sum((1, 2))
    assert areas.min() >= 20
    assert areas.max() <= 150
    insides = usual.footprints > 0.5
    shared = [(a & b).sum() / min(a.sum(), b.sum()) for a, b in combinations(insides, 2)]
    assert max(shared) < 0.2


def test_masks_are_the_upper_halves_and_dynamic_cells_go_first(usual):
    upper = usual.footprints > usual.footprints.max((1, 2), keepdims=True) / 2
    np.testing.assert_array_equal(usual.dynamic_mask, upper[usual.kind == "dynamic"].any(0))
    np.testing.assert_array_equal(usual.cell_mask, upper.any(0))
    for cell, inside in enumerate(upper):
        assert inside[usual.labels == cell + 1].all()


def test_flicker_has_the_values_of_dynamic_cells_and_no_memory(usual):
    dynamic, flicker = usual.traces[:20], usual.traces[35:]
    for cell, trace in enumerate(flicker):
        np.testing.assert_array_equal(np.sort(trace), np.sort(dynamic[cell]))

    def memory(traces):
        d = traces - traces.mean(1, keepdims=True)
        return (d[:, 1:] * d[:, :-1]).mean(1) / d.var(1)

    assert np.abs(memory(flicker)).max() < 5 / np.sqrt(600)
    assert memory(dynamic).min() > 0.5


def test_silent_cells_are_constant_and_brighter_than_dynamic_ones_at_rest(usual):
    silent = usual.traces[usual.kind == "silent"]
    np.testing.assert_array_equal(np.ptp(silent, axis=1), 0)
    assert np.median(silent) > np.median(usual.traces[usual.kind == "dynamic"].min(1))


def test_the_movie_is_the_truth_plus_background_plus_photon_noise():
    simulated = simulate_movie(**(SMALL | {"frames": 2000}), noise=50.0)
    pixels = simulated.movie.reshape(2000, -1).astype(np.float64)
    cells = simulated.traces.T.astype(np.float64) @ simulated.footprints.reshape(7, -1)
    inside = simulated.footprints.reshape(7, -1)[simulated.kind == "dynamic"].max(0) > 0.5
    # Slope of counts on the cells' share of them: 1.
    c, p = cells[:, inside] - cells[:, inside].mean(0), pixels[:, inside] - pixels[:, inside].mean(0)
    assert (c * p).sum() / (c * c).sum() == pytest.approx(1, abs=0.02)
    # Photon counting: variance of what is left grows with the mean, with the gain as slope.
    rest = pixels - cells
    shot = (np.diff(rest, axis=0) ** 2).mean(0) / 2  # differences, since neuropil is slow
    expected = GAIN * (pixels.mean(0) - OFFSET) + (GAIN * READ_NOISE) ** 2 + 1 / 12
    assert np.median(shot / expected) == pytest.approx(1, abs=0.02)


def test_the_same_seed_gives_the_same_movie_and_another_seed_another():
    one, same, other = (simulate_movie(**SMALL, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.movie, same.movie)
    np.testing.assert_array_equal(one.coefficients, same.coefficients)
    assert (one.movie != other.movie).mean() > 0.5


def test_fewer_photons_more_noise():
    relative = []
    for noise in ("low", "middle", "high"):
        frames = simulate_movie(**SMALL, noise=noise).movie.astype(np.float64) - OFFSET
        relative.append(np.median(np.diff(frames, axis=0).std(0) / frames.mean(0)))
    assert relative[0] < relative[1] < relative[2]


def test_drift_moves_the_image_by_as_many_pixels():
    simulated = simulate_movie(**(SMALL | {"dynamic": 0, "flicker": 0, "silent": 6}), drift=4.0, noise=400.0)
    weights = simulated.footprints[0]
    y, x = np.mgrid[:48, :56]
    near = weights > 0
    near |= np.hypot(y - (y * weights).sum() / weights.sum(), x - (x * weights).sum() / weights.sum()) < 9

    def centre(frames):
        image = frames.mean(0).astype(np.float64)
        image = np.where(near, image - np.median(image), 0).clip(0)
        return np.array([(y * image).sum(), (x * image).sum()]) / image.sum()

    moved = np.linalg.norm(centre(simulated.movie[-5:]) - centre(simulated.movie[:5]))
    assert 2.5 < moved < 4.5


def test_bleaching_dims_the_image():
    frames = simulate_movie(**SMALL, bleaching=0.5).movie.astype(np.float64) - OFFSET
    assert frames[-5:].mean() / frames[:5].mean() == pytest.approx(0.5, abs=0.05)


def test_default_numbers_of_cells_suit_the_field_of_view():
    kinds, numbers = np.unique(simulate_movie(frames=4, height=64, width=64).kind, return_counts=True)
    assert dict(zip(kinds.tolist(), numbers.tolist(), strict=True)) == {
        "dynamic": 5,
        "flicker": 4,
        "silent": 4,
    }


def test_flicker_and_silent_cells_need_no_dynamic_ones():
    simulated = simulate_movie(**(SMALL | {"dynamic": 0}))
    assert simulated.coefficients.shape == (1, 0, 0)
    assert not simulated.dynamic_mask.any()
    assert simulated.cell_mask.any()


def test_saved_movie_opens_with_frame_rate_and_pixel_size(tmp_path):
    from napari_calcdyn.recording import open_movie

    simulated = simulate_movie(**SMALL, frame_rate=20.0)
    simulated.save(tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == ["movie.tif", "truth.npz"]
    movie = open_movie(folder / "movie.tif")
    np.testing.assert_array_equal(np.asarray(movie.data), simulated.movie)
    assert movie.frame_rate == pytest.approx(20.0)
    assert movie.pixel_size == pytest.approx((1.0, 1.0))
    with np.load(folder / "truth.npz") as truth:
        assert sorted(truth) == ["coefficients", "footprints", "kind", "traces"]
        for name in truth:
            np.testing.assert_array_equal(truth[name], getattr(simulated, name))


def test_an_unwritable_folder_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        simulate_movie(**SMALL).save(tmp_path / "file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dynamic": 60}, "do not fit into 48 × 56 pixels"),
        ({"dynamic": -1}, "number of dynamic cells is -1"),
        ({"dynamic": 0, "silent": 0, "flicker": 0}, "at least one cell"),
        ({"noise": "loud"}, "low, middle, high"),
        ({"noise": 0.0}, "photons"),
        ({"noise": float("nan")}, "photons"),
        ({"frames": 3}, "frames is 3"),
        ({"height": 8}, "height is 8"),
        ({"order": 0}, "order is 0"),
        ({"drift": 20.0}, "drift is 20"),
        ({"bleaching": 1.0}, "bleaching is 1"),
        ({"frame_rate": 0.0}, "frame_rate is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(change, words):
    with pytest.raises(InputError, match=words) as error:
        simulate_movie(**(SMALL | change))
    assert "\n" not in str(error.value)


def test_simulating_loads_neither_torch_nor_napari():
    code = "import sys, napari_calcdyn.simulate.movie as m; print({'torch', 'napari'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
