from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_calcdyn.jobs.comparison import compare, run_compare
from napari_calcdyn.jobs.comparison_files import save_comparison
from napari_calcdyn.jobs.result_folder import RESULTS
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
from napari_calcdyn.recording import Cancelled, InputError, Movie, RoiSet
from napari_calcdyn.recording.movies.joining import join
from napari_calcdyn.simulate.movie import simulate_movie

FAST = VARAutoencoderConfig(steps=20, latents=16, order=2)
A, B = [range(0, 70), range(75, 120)], [range(120, 240)]


@pytest.fixture(scope="module")
def movie() -> Movie:
    return Movie.from_array(simulate_movie(frames=240, height=24, width=32, seed=0).movie, name="simulated")


@pytest.fixture(scope="module")
def model(movie: Movie) -> VARAutoencoder:
    return VARAutoencoder(FAST).fit(movie, device="cpu")


def test_maps_are_those_recomputed_frame_by_frame(model: VARAutoencoder, movie: Movie) -> None:
    comparison, maps = compare(model, movie, A, B, permutations=19)
    latents = model.encode(movie).astype(np.float64)
    order, disagreement = 2, []
    for condition, coefficients, found in (
        (A, comparison.coefficients_a, maps.explained_a),
        (B, comparison.coefficients_b, maps.explained_b),
    ):
        mean = np.concatenate([latents[it.start : it.stop] for it in condition]).mean(0)
        frames = [t for it in condition for t in range(it.start + order, it.stop)]
        past = np.stack([[latents[t - lag] - mean for lag in (1, 2)] for t in frames])
        predicted = np.einsum("nls,lts->nt", past, coefficients)
        pictures = decode(model, predicted)
        actual = np.stack([movie.frames(t, t + 1)[0] for t in frames]).astype(np.float64)
        expected = (pictures * (actual - actual.mean(0))).mean(0)
        assert np.allclose(found, expected, atol=1e-3 * np.abs(expected).max())
        change = comparison.coefficients_b - comparison.coefficients_a
        disagreement.append(decode(model, np.einsum("nls,lts->nt", past, change)))
    root = np.sqrt(np.square(np.concatenate(disagreement)).mean(0))
    assert np.allclose(maps.difference, root, atol=1e-3 * root.max())
    assert maps.difference.dtype == maps.explained_a.dtype == np.float32


def test_maps_of_activities_are_those_recomputed_frame_by_frame(model: VARAutoencoder, movie: Movie) -> None:
    labels = np.zeros((24, 32), int)
    labels[3:10, 4:11], labels[12:20, 15:24] = 4, 2
    rois = RoiSet.from_labels(labels)
    activity = roi_activity(movie, rois)
    comparison, maps = compare(model, movie, A, B, rois=rois, permutations=19)
    given, _ = compare(model, movie, A, B, rois=rois, columns=[activity], permutations=19)
    assert given.statistic == comparison.statistic
    pictures = torch.from_numpy(rois.footprints.toarray().reshape(2, 24, 32).astype(np.float32))
    with torch.no_grad():
        encoded = model.network.encode(pictures / model.scale).numpy()
    disagreement = []
    for condition in (A, B):
        mean = np.concatenate([activity[it.start : it.stop] for it in condition]).mean(0)
        frames = [t for it in condition for t in range(it.start + 2, it.stop)]
        past = np.stack([[activity[t - lag] - mean for lag in (1, 2)] for t in frames])
        change = comparison.coefficients_b - comparison.coefficients_a
        disagreement.append(decode(model, np.einsum("nls,lts->nt", past, change) @ encoded))
    root = np.sqrt(np.square(np.concatenate(disagreement)).mean(0))
    assert np.allclose(maps.difference, root, atol=1e-3 * root.max())
    assert comparison.names.tolist() == [2, 4]


def decode(model: VARAutoencoder, latents: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        decoded = model.network.decode(torch.from_numpy(latents.astype(np.float32)))
    return model.scale * decoded.numpy().astype(np.float64)


def test_two_recordings_are_two_stretches_of_one(model: VARAutoencoder, movie: Movie) -> None:
    frames = movie.frames(0, 240).astype(np.float32)
    first, second = Movie.from_array(frames[:120]), Movie.from_array(frames[120:] + 500)
    apart, maps = compare(model, [first, second], [range(120)], [range(120)], permutations=39)
    whole, its_maps = compare(model, movie, [range(120)], [range(120, 240)], permutations=39)
    assert apart.statistic == pytest.approx(whole.statistic, rel=1e-3)
    assert apart.samples == whole.samples
    # A brighter recording is no change of rules, and explains no more.
    assert np.allclose(maps.explained_b, its_maps.explained_b, atol=1e-2 * its_maps.explained_b.max())


def test_known_latents_are_not_computed_again(
    model: VARAutoencoder, movie: Movie, monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = model.encode(movie)
    expected = compare(model, movie, A, B, permutations=19)[0]
    monkeypatch.setattr(model, "encode", None)
    assert compare(model, movie, A, B, columns=[latents], permutations=19)[0].statistic == expected.statistic


def test_masked_frames_take_no_part_in_the_comparison_and_its_maps(
    model: VARAutoencoder, movie: Movie
) -> None:
    latents = model.encode(movie)
    masked = latents.copy()
    masked[[30, 31, 160]] = np.nan
    found, maps = compare(model, movie, A, B, columns=[masked], permutations=19)
    a, b = [range(0, 30), range(32, 70), range(75, 120)], [range(120, 160), range(161, 240)]
    expected, cut = compare(model, movie, a, b, columns=[latents], permutations=19)
    assert found.statistic == expected.statistic
    assert np.array_equal(found.coefficients_a, expected.coefficients_a)
    for name in ("explained_a", "explained_b", "difference"):
        image = getattr(maps, name)
        assert np.isfinite(image).all()
        assert np.allclose(image, getattr(cut, name), rtol=1e-5, atol=1e-5 * image.max())


def test_bad_frames_of_the_recording_count_before_training(movie: Movie, tmp_path: Path) -> None:
    bad = Movie.from_array(movie.frames(0, 240))
    bad.valid_frames[15:70] = False
    with pytest.raises(InputError, match="A is too short"):
        run_compare(
            bad, [range(70)], B, tmp_path / "out", FAST, on_progress=lambda at: pytest.fail("it began")
        )


def test_progress_counts_up_to_the_end_and_stops(model: VARAutoencoder, movie: Movie) -> None:
    told: list[tuple[int, int]] = []
    compare(model, movie, A, B, permutations=19, progress=lambda *at: told.append(at))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]
    with pytest.raises(Cancelled):
        compare(model, movie, A, B, permutations=19, progress=lambda done, total: done > 250)


def test_folder_of_results(model: VARAutoencoder, movie: Movie, tmp_path: Path) -> None:
    stages = set()
    found = run_compare(
        movie, A, B, tmp_path / "out", model, permutations=39, on_progress=lambda at: stages.add(at.stage)
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(RESULTS["compare"])
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written == json.loads(json.dumps(found))
    assert written["permutations"] == 39
    assert written["a"] == [[0, 70], [75, 120]]
    assert {"statistic", "p_value", "block_length", "effect", "edges"} <= set(written)
    assert 0 < written["loudness_p_value"] <= 1
    assert all(it["p_value"] <= 0.05 for it in written["louder"])
    assert tifffile.imread(tmp_path / "out" / "difference.tif").shape == (24, 32)
    assert "Comparing" in stages
    run_compare(movie, A, B, tmp_path / "out", model, permutations=19)  # an earlier run is replaced


def test_livelier_latents_are_listed(model: VARAutoencoder, movie: Movie, tmp_path: Path) -> None:
    latents = model.encode(movie)
    mean = latents.mean(0)
    latents[120:, 3] = mean[3] + 10 * (latents[120:, 3] - mean[3])
    comparison, maps = compare(model, movie, [range(120)], B, columns=[latents], permutations=99)
    written = save_comparison(tmp_path, [movie], [range(120)], B, comparison, maps, {})
    assert written["loudness_p_value"] == min(it["p_value"] for it in written["louder"])
    assert written["louder"][0]["source"] == 3
    assert written["louder"][0]["ratio"] > 5


def test_a_model_is_trained_on_both_recordings(movie: Movie, tmp_path: Path) -> None:
    frames = movie.frames(0, 240)
    first, second = Movie.from_array(frames[:120]), Movie.from_array(frames[120:])
    found = run_compare(
        [first, second], [range(120)], [range(120)], tmp_path, FAST, permutations=19, device="cpu"
    )
    assert 0.05 <= found["p_value"] <= 1


def test_what_is_too_short_is_said_before_training(movie: Movie, tmp_path: Path) -> None:
    def fail(progress: object) -> None:
        raise AssertionError("training began")

    with pytest.raises(InputError, match="B is too short"):
        run_compare(movie, A, [range(200, 210)], tmp_path / "out", FAST, on_progress=fail)
    for block, said in ((5, "too short for order 2"), (40, "A has room for 2 blocks of 40 frames")):
        with pytest.raises(InputError, match=said):
            run_compare(movie, A, B, tmp_path / "out", FAST, block=block, on_progress=fail)
    assert not (tmp_path / "out").exists()


def test_a_recording_of_another_size_is_refused(model: VARAutoencoder, movie: Movie) -> None:
    other = Movie.from_array(np.random.default_rng(0).random((120, 24, 30)))
    with pytest.raises(InputError, match="frames of 24 × 32 pixels"):
        compare(model, [movie, other], [range(120)], [range(120)])
    with pytest.raises(InputError, match="one field of view"):
        join([movie, other])


def test_recordings_of_different_frame_rate_are_refused_before_training(
    model: VARAutoencoder, movie: Movie, tmp_path: Path
) -> None:
    frames = movie.frames(0, 240)
    slow, fast = (Movie.from_array(frames, frame_rate=rate, name=f"at {rate:g}") for rate in (10.0, 20.0))
    a = [range(120)]
    with pytest.raises(InputError, match="at 10 has 10 frames per second and at 20 20: a lag of one frame"):
        run_compare(
            [slow, fast], a, a, tmp_path / "out", FAST, on_progress=lambda progress: pytest.fail("it began")
        )
    almost = Movie.from_array(frames, frame_rate=10.05)
    for other in (movie, almost):  # unknown, or as good as the same
        assert compare(model, [slow, other], a, a, permutations=19)[0].permutations == 19
