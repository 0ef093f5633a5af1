"""The check of a recording finds what was done to it, and nothing in a clean one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from napari_calcdyn.recording import Cancelled, InputError, Movie, open_movie
from napari_calcdyn.recording.quality import check_quality, correct_movie, corrections_for, first_look
from napari_calcdyn.recording.quality.findings import findings_of
from napari_calcdyn.recording.quality.motion import Registrar, sharpened
from napari_calcdyn.simulate import artefacts, simulate_movie

FRAMES = 400


def simulated(**options: float) -> np.ndarray:
    return simulate_movie(frames=FRAMES, height=96, width=80, seed=4, **options).movie


def check(movie: np.ndarray, **options: object):  # type: ignore[no-untyped-def]
    return check_quality(Movie.from_array(movie), **options)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return simulated()


def test_nothing_is_wrong_with_a_clean_movie(clean: np.ndarray) -> None:
    quality = check(clean)
    assert [it for it in quality.findings if not it.note] == []
    assert corrections_for(quality).kinds == ()
    assert quality.motion_rms_px < 0.05
    assert quality.interleaved == 0
    assert abs(quality.dark_level - 100) < 10
    assert 8 < quality.cell_diameter_px < 16
    assert quality.valid_frames.all()
    assert quality.valid_pixels.all()


def test_motion_is_measured_to_a_fraction_of_a_pixel() -> None:
    quality = check(simulated(motion=0.8))
    path = artefacts.smooth_motion(FRAMES, 0.8, np.random.default_rng([4, 1]))
    error = quality.shifts - path
    assert (error - error.mean(0)).std() < 0.05
    assert quality.motion_rms_px == pytest.approx(0.8 * np.sqrt(2), abs=0.05)
    assert [it.kind for it in quality.findings if not it.note] == ["motion"]


def test_noise_is_not_taken_for_motion() -> None:
    """A small still picture with little structure has false peaks, which its halves do not share."""
    for seed in range(3):
        still = simulate_movie(frames=120, height=32, width=40, seed=seed, noise="high").movie
        quality = check(still)
        assert quality.agreement < 0.2
        assert quality.motion_rms_px == 0
        assert "motion" not in corrections_for(quality).kinds


def test_halved_pictures_are_registered_as_well() -> None:
    """Large frames are binned: the shift of a picture by whole pixels is still found."""
    rng = np.random.default_rng(0)
    picture = rng.gamma(1.0, size=(280, 300)).astype(np.float32)
    for _ in range(3):
        picture = (picture + np.roll(picture, 1, 0) + np.roll(picture, 1, 1)) / 3
    frames = np.stack([np.roll(picture, (dy, dx), (0, 1)) for dy, dx in ((0, 0), (3, -4), (-7, 5))])
    shifts, _ = Registrar(picture, np.ones(picture.shape, np.float32)).find(frames)
    np.testing.assert_allclose(shifts, [(0, 0), (3, -4), (-7, 5)], atol=0.15)


def test_a_reference_is_sharper_than_the_mean() -> None:
    moved = simulated(motion=1.2).astype(np.float32)
    reference = sharpened(moved[::4], np.ones(moved.shape[1:], np.float32))
    assert np.abs(np.diff(reference, axis=1)).mean() > 1.02 * np.abs(np.diff(moved.mean(0), axis=1)).mean()


def test_fading_and_flicker_are_told_apart() -> None:
    faded, flickering = check(simulated(bleaching=0.3)), check(simulated(lamp=0.05))
    assert faded.brightness.trend == pytest.approx(0.37, abs=0.05)
    assert faded.brightness.flicker < 0.02
    assert flickering.brightness.flicker == pytest.approx(0.05, abs=0.01)
    for quality in (faded, flickering):
        assert [it.kind for it in quality.findings if not it.note] == ["brightness"]
    light = corrections_for(flickering).brightness
    true = artefacts.lamp_light(FRAMES, 0, 0.05, np.random.default_rng([4, 1]))
    assert light is not None
    # the generator draws the motion first
    assert np.corrcoef(light, true)[0, 1] > 0.9 or light.std() == pytest.approx(0.05, abs=0.01)


def test_shared_activity_is_not_taken_for_the_lamp(clean: np.ndarray) -> None:
    """Half of the picture gets brighter at times, as neuropil does."""
    movie = clean.astype(np.float32)
    times = (np.sin(np.arange(FRAMES) / 5) > 0.5)[:, None, None]
    movie[:, :, 20:] += 0.3 * times * (movie[:, :, 20:].mean(0) - 100) * np.linspace(0, 2, 60)
    quality = check(movie)
    assert quality.brightness.flicker > 0.03
    assert "brightness" not in corrections_for(quality).kinds
    assert any("unevenly" in it.text for it in quality.findings)


def test_bad_frames_are_found_with_their_reason(clean: np.ndarray) -> None:
    movie = clean.copy()
    movie[20:23] = 0
    movie[50] = movie[49]
    movie[70, 60:] = 100
    movie[90, 30:46] = 5000
    movie[110] = np.minimum(3 * movie[110].astype(int), 60_000)
    movie[130] = np.roll(movie[130], (6, -5), (0, 1))
    found = check(movie)
    assert found.bad_frames == [
        (20, 23, "blank"),
        (50, 51, "repeated"),
        (70, 71, "partly blank"),
        (90, 91, "band"),
        (110, 111, "brightness"),
        (130, 131, "far"),
    ]
    corrected = correct_movie(Movie.from_array(movie))
    assert corrected.corrections.kinds == ("frames",)
    assert np.flatnonzero(~corrected.valid_frames).tolist() == [20, 21, 22, 50, 70, 90, 110, 130]


def test_a_bright_start_is_left_out(clean: np.ndarray) -> None:
    movie = clean.copy()
    movie[:8] = movie[:8] * (1 + 0.4 * np.exp(-np.arange(8) / 4))[:, None, None]
    [(start, stop, reason)] = check(movie).bad_frames
    assert (start, reason) == (0, "start")
    assert 3 <= stop <= 12


def test_bad_pixels_are_found_with_their_reason(clean: np.ndarray) -> None:
    movie = artefacts.empty_borders(clean, 1.5, np.random.default_rng(0)).astype(np.float32)
    movie[:, 40, 41] = 77
    movie[17, 50, 51] = np.nan
    movie[5, 60, 61] = np.inf
    quality = check(movie)
    assert quality.pixels["constant"][40, 41]
    assert quality.pixels["not a number"][50, 51]
    assert quality.pixels["not a number"][60, 61]
    assert quality.pixels["border"][0].all()
    assert not quality.pixels["border"][20:60, 20:60].any()
    assert quality.valid_frames.all()
    corrected = correct_movie(Movie.from_array(movie))
    assert np.isfinite(corrected.statistics().std[corrected.valid_pixels]).all()


def test_saturated_pixels_are_left_out(clean: np.ndarray) -> None:
    quality = check(artefacts.saturated(clean, 1 / 12))
    assert 0.01 < quality.pixels["saturated"].mean() < 1 / 12  # those that are hardly ever below the ceiling
    assert quality.valid_frames.all()


def test_seldom_saturated_pixels_change_as_much_as_they_would_without_a_ceiling() -> None:
    rng = np.random.default_rng(0)
    trace = rng.normal(size=(4000, 1, 1)) * np.where(np.arange(16) % 2, 1, -1)  # half of the pixels go down
    pixels = rng.uniform(800, 1200, (1, 16, 16)) + 30 * trace + 40 * rng.normal(size=(4000, 16, 16))
    clipped = np.minimum(pixels, 1020).astype(np.float32)
    movie = correct_movie(Movie.from_array(clipped), "pixels")
    clipping = movie.corrections.clipping
    assert clipping is not None
    mended = clipping.mended
    assert 0.1 < mended.mean() < 0.6

    def slope(frames: np.ndarray) -> np.ndarray:
        return (trace * (frames - frames.mean(0))).mean(0)[mended]

    seen = movie.frames(0, 4000)
    assert slope(clipped).mean() < 0.75 * 30
    assert slope(seen).mean() == pytest.approx(30, rel=0.03)
    np.testing.assert_allclose(slope(seen), 30, rtol=0.25)
    np.testing.assert_array_equal(
        seen[:, movie.valid_pixels & ~mended], clipped[:, movie.valid_pixels & ~mended]
    )
    assert "saturated" in str(movie.corrections)


def test_few_photons_are_no_border() -> None:
    """A movie that counts photons is 0 most of the time, everywhere."""
    rng = np.random.default_rng(0)
    movie = rng.poisson(0.3, (200, 64, 64)).astype(np.uint16)
    quality = check(movie)
    assert not quality.pixels["border"].any()
    assert quality.valid_frames.all()


def test_lines_and_interleaved_frames(clean: np.ndarray) -> None:
    assert check(artefacts.shifted_lines(clean, 2)).line_shift_px == pytest.approx(2, abs=0.1)
    assert abs(check(clean).line_shift_px) < 0.1
    planes = clean.copy()
    planes[1::2] = planes[1::2, ::-1]
    quality = check(planes)
    assert quality.interleaved == 2
    assert "second" in quality.findings[0].text


def test_what_shifting_cannot_mend_is_said(clean: np.ndarray) -> None:
    from scipy.ndimage import map_coordinates

    wide = np.concatenate([clean, clean[:, :, ::-1]], axis=2).astype(np.float32)
    y, x = np.mgrid[: wide.shape[1], : wide.shape[2]]
    bent = np.stack(
        [
            map_coordinates(frame, [y + 1.5 * np.sin(t / 40) * np.sin(x / 25), x], order=1, mode="nearest")
            for t, frame in enumerate(wide)
        ]
    )
    assert check(wide).motion_in_parts_px < 0.1
    quality = check(bent)
    assert quality.motion_in_parts_px > 0.4
    assert any("parts of the picture still move" in it.text for it in quality.findings)
    share = np.linspace(0, 0.8, FRAMES)[:, None, None]
    sinking = (1 - share) * clean + share * clean[:, ::-1, ::-1]
    assert check(clean).change_of_depth < 0.05
    assert any("focus drifts" in it.text for it in check(sinking).findings)


def test_given_bad_frames_count(tmp_path: Path, clean: np.ndarray) -> None:
    np.save(tmp_path / "movie.npy", clean)
    np.save(tmp_path / "bad_frames.npy", np.array([3, 4, 99]))
    quality = check_quality(open_movie(tmp_path / "movie.npy"))
    assert quality.bad_frames == [(3, 5, "given"), (99, 100, "given")]
    np.save(tmp_path / "bad_frames.npy", np.array([3, FRAMES]))
    with pytest.raises(InputError, match="does not hold numbers of its 400 frames"):
        check_quality(open_movie(tmp_path / "movie.npy"))


def test_nothing_usable_is_one_sentence() -> None:
    with pytest.raises(InputError, match="constant, every pixel is 7"):
        check(np.full((50, 32, 32), 7, np.uint16))
    with pytest.raises(InputError, match=r"no usable (frame|pixel)"):
        check(np.full((50, 32, 32), np.nan, np.float32) * np.arange(50)[:, None, None])


def test_progress_and_cancel(clean: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    movie = Movie.from_array(clean)
    check_quality(movie, progress=lambda *at: seen.append(at) or False)
    assert seen == sorted(seen)
    assert seen[-1] == (FRAMES, FRAMES)
    with pytest.raises(Cancelled):
        check_quality(movie, progress=lambda done, total: done > 100)


def test_first_look_shows_active_cells() -> None:
    from sklearn.metrics import roc_auc_score

    truth = simulate_movie(frames=600, height=96, width=80, seed=4)
    movie = correct_movie(Movie.from_array(truth.movie))
    look = first_look(movie)
    assert roc_auc_score(truth.dynamic_mask.ravel(), look.ravel()) > 0.9
    long = Movie.from_array(np.concatenate([truth.movie] * 3))
    assert np.corrcoef(first_look(long).ravel(), look.ravel())[0, 1] > 0.9


def test_real_recordings(mouse_movie_path: Path, fissa_movie_paths: list[Path]) -> None:
    """What is seen in them by eye: the mouse movie is still, with a dark corner; trial 1 of fissa drifts."""
    mouse = check_quality(open_movie(mouse_movie_path))
    assert mouse.motion_rms_px < 0.1
    assert mouse.pixels["constant"].sum() == 66
    assert corrections_for(mouse).kinds == ("pixels",)
    trial = check_quality(open_movie(fissa_movie_paths[0]))
    assert 0.4 < trial.motion_rms_px < 0.7
    assert corrections_for(trial).kinds == ("motion", "frames")
    [(start, stop, reason)] = trial.bad_frames
    assert (start, reason) == (0, "start")
    assert 3 <= stop <= 10


def test_small_faint_cells_are_left_to_the_first_look(clean: np.ndarray) -> None:
    quality = check(clean)
    small = dataclasses.replace(quality, snr=0.17, cell_diameter_px=6.2)
    (finding,) = [it for it in findings_of(small) if "first look" in it.text]
    assert "about 6 px" in finding.text
    assert finding.note
    for others in ({"snr": 0.6}, {"cell_diameter_px": 10.0}, {"cell_diameter_px": None}):
        assert not any("first look" in it.text for it in findings_of(dataclasses.replace(small, **others)))
