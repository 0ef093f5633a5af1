"""Folders of suite2p 0.x and 1.x: movie, ROIs and traces, whole and damaged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from bad_input import refuses

from damage import damaged, ends, mutated
from napari_calcdyn.recording import (
    InputError,
    extract_traces,
    inspect_movie,
    open_movie,
    open_rois,
    open_traces,
)
from napari_calcdyn.recording.movies.readers.suite2p_plane import read_plane
from napari_calcdyn.recording.quality import check_quality, correct_movie
from napari_calcdyn.recording.quality.given import given_bad_frames, wrapped_pixels

FRAMES, HEIGHT, WIDTH = 60, 40, 48
PIXELS = np.random.default_rng(0).poisson(40, (FRAMES, HEIGHT, WIDTH)).astype(np.int16)
ROIS = [
    {
        "ypix": np.arange(10, 14),
        "xpix": np.arange(20, 24),
        "lam": np.ones(4, np.float32),
        "overlap": np.arange(4) > 2,
    },
    {
        "ypix": np.arange(13, 16),
        "xpix": np.arange(23, 26),
        "lam": np.ones(3, np.float32),
        "overlap": np.arange(3) < 1,
    },
]


def save(path: Path, content: Any) -> None:
    boxed = np.empty((), object)
    boxed[()] = content
    np.save(path, boxed, allow_pickle=True)


def plane(folder: Path, *, old: bool = False, **more: Any) -> Path:
    """Write a plane as suite2p 1.x does, or as 0.x does."""
    folder.mkdir(parents=True, exist_ok=True)
    PIXELS.tofile(folder / "data.bin")
    stat = np.empty(len(ROIS), object)
    stat[:] = ROIS
    np.save(folder / "stat.npy", stat, allow_pickle=True)
    np.save(folder / "F.npy", PIXELS[:, 12:14, 22].T.astype(np.float32))
    bad = np.zeros(FRAMES, bool)
    bad[[7, 8, 50]] = True
    db = {"Ly": HEIGHT, "Lx": WIDTH, "nframes": FRAMES, "nplanes": 1} | more
    registration = {"badframes": bad, "yrange": [2, 38], "xrange": [3, 48], "xoff": np.zeros(FRAMES, int)}
    if old:
        save(folder / "ops.npy", db | registration | {"fs": 12.5, "allow_overlap": False} | more)
    else:
        save(folder / "db.npy", db)
        save(folder / "settings.npy", {"fs": 12.5, "extraction": {"allow_overlap": False}})
        save(folder / "reg_outputs.npy", registration)
    return folder


@pytest.mark.parametrize("old", [True, False])
def test_movie(tmp_path: Path, old: bool) -> None:
    folder = plane(tmp_path / "suite2p" / "plane0", old=old)
    for place in (folder / "data.bin", folder, tmp_path / "suite2p", tmp_path):
        movie = open_movie(place)
        assert (movie.shape, movie.dtype, movie.frame_rate) == (PIXELS.shape, np.int16, 12.5)
        assert (movie.name, movie.path, movie.notes) == ("plane0/data.bin", folder / "data.bin", ())
        assert isinstance(movie.data, np.memmap)
        np.testing.assert_array_equal(movie.frames(5, 60), PIXELS[5:])
        info = inspect_movie(place)
        assert (info.n_frames, info.frame_rate, info.channels, info.planes) == (FRAMES, 12.5, 1, 1)
    assert open_movie(folder, frame_rate=3).frame_rate == 3
    assert open_traces(folder).frame_rate == 12.5
    assert open_rois(folder).frame_shape == (HEIGHT, WIDTH)
    traces = extract_traces(movie, open_rois(folder))
    np.testing.assert_allclose(traces.values[0], PIXELS[:, [10, 11, 12], [20, 21, 22]].mean(1), rtol=1e-6)
    # A folder of TIFFs stays one, also with suite2p's folder in it.
    tifffile.imwrite(tmp_path / "raw.tif", PIXELS[:20])
    assert open_movie(tmp_path).n_frames == 20


def test_what_a_plane_says(tmp_path: Path) -> None:
    folder = plane(tmp_path)
    save(folder / "ops.npy", {"Ly": 9, "fs": 1.0, "allow_overlap": True, "nframes": 3})
    found = read_plane(folder)
    assert (found.frame_shape, found.frames, found.frame_rate) == ((HEIGHT, WIDTH), FRAMES, 12.5), (
        "not ops.npy"
    )
    assert not found.allow_overlap
    assert found.inside == (slice(2, 38), slice(3, 48))
    save(folder / "settings.npy", {"fs": np.array([5.0]), "extraction": {"allow_overlap": np.True_}})
    assert (read_plane(folder).frame_rate, read_plane(folder).allow_overlap) == (5, True)
    assert open_rois(folder).footprints[0].count_nonzero() == 4
    for name in ("db.npy", "settings.npy", "reg_outputs.npy"):
        (folder / name).unlink()
    for wrong in (
        10**400,
        -3,
        2.5,
        "many",
        None,
        np.arange(3),
        [1],
        {"a": 1},
        np.complex64(1j),
        float("nan"),
    ):
        ops = dict.fromkeys(("Ly", "nframes", "fs", "badframes", "yrange", "extraction"), wrong)
        save(folder / "ops.npy", ops | {"Lx": 5, "xrange": (0, 3)})
        found = read_plane(folder)
        assert (found.frame_shape, found.frames, found.inside, found.allow_overlap) == (
            None,
            None,
            None,
            False,
        )
        refuses("no ops.npy or db.npy with the frame size beside data.bin", open_movie, folder)
    save(folder / "ops.npy", {"Ly": 2**20, "Lx": 2**20})
    assert read_plane(folder).frame_shape is None


def test_several_planes_and_combined(tmp_path: Path) -> None:
    above = tmp_path / "suite2p"
    for number in (0, 2, 10):
        plane(above / f"plane{number}")
    refuses(r"several planes \(plane0, plane2, plane10\)", open_rois, above)
    mosaic = plane(above / "combined", Ly=HEIGHT, Lx=3 * WIDTH)
    (mosaic / "data.bin").unlink()
    (mosaic / "reg_outputs.npy").unlink()
    stat = np.load(mosaic / "stat.npy", allow_pickle=True)
    stat[1]["xpix"] += 2 * WIDTH
    np.save(mosaic / "stat.npy", stat)
    f = PIXELS[:, 12:14, 22].T.astype(np.float32)
    f[1, -2:] = 0
    np.save(mosaic / "F.npy", f)
    for call in (open_rois, open_traces, open_movie):
        refuses(r"several planes \(plane0, plane2, plane10, combined\)", call, tmp_path)  # type: ignore[arg-type]
    rois, traces = open_rois(mosaic), open_traces(mosaic)
    assert rois.frame_shape == (HEIGHT, 3 * WIDTH)
    np.testing.assert_allclose(rois.centres[1], [14.5, 24.5 + 2 * WIDTH])
    assert np.isnan(traces.values).sum(1).tolist() == [0, 2], "plane 1 has two frames fewer"
    refuses("combined holds no data.bin", open_movie, mosaic)
    assert open_movie(above / "plane10").name == "plane10/data.bin"
    assert len(open_rois(above / "plane2")) == 2


def test_frames_and_edges_that_suite2p_marked_are_left_out(tmp_path: Path) -> None:
    movie = open_movie(plane(tmp_path / "plane0"))
    quality = check_quality(movie)
    assert [it for it in quality.bad_frames if it[2] == "given"] == [(7, 9, "given"), (50, 51, "given")]
    assert any("where suite2p shows the opposite edge" in it.text for it in quality.findings)
    corrected = correct_movie(movie)
    assert not corrected.valid_frames[[7, 8, 50]].any()
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[2:38, 3:48] = True
    assert not (corrected.valid_pixels & ~inside).any()
    np.save(tmp_path / "plane0" / "bad_frames.npy", np.array([3]))
    assert check_quality(movie).reasons["given"].nonzero()[0].tolist() == [3]
    (tmp_path / "plane0" / "data.bin").rename(tmp_path / "plane0" / "data_raw.bin")
    raw = open_movie(tmp_path / "plane0" / "data_raw.bin")
    assert "wrapped" not in check_quality(raw).pixels, "the raw movie was not shifted"


def test_movie_that_was_cut_short(tmp_path: Path) -> None:
    folder = plane(tmp_path)
    with (folder / "data.bin").open("r+b") as file:
        file.truncate(55 * HEIGHT * WIDTH * 2 - 100)
    movie = open_movie(folder)
    assert movie.n_frames == 54
    np.testing.assert_array_equal(movie.frames(0, 54), PIXELS[:54])
    [note] = movie.notes
    assert note == "data.bin is truncated, only 54 of its 60 frames are in the file: copy it again."
    corrected = correct_movie(movie)
    assert corrected.corrections is not None
    assert note in corrected.corrections.left
    assert corrected.notes == movie.notes
    assert not corrected.valid_frames[[7, 8, 50]].any()
    db = {"Ly": HEIGHT, "Lx": WIDTH}
    save(folder / "db.npy", db)
    assert "only 54 of its 55 frames" in open_movie(folder).notes[0]
    save(folder / "db.npy", db | {"nframes": 20})
    refuses("does not hold frames of 40 × 48 pixels", open_movie, folder)
    PIXELS.tofile(folder / "data.bin")
    assert open_movie(folder).n_frames == 20, "suite2p was told to use the first frames only"
    for size in (0, 3 * HEIGHT * WIDTH * 2):
        with (folder / "data.bin").open("r+b") as file:
            file.truncate(size)
        with pytest.raises(InputError, match=r"data.bin has only \d frames: a movie needs at least 4"):
            open_movie(folder)


def test_messages(tmp_path: Path) -> None:
    folder = plane(tmp_path)
    save(folder / "settings.npy", [1, 2])
    for call in (open_movie, open_rois, open_traces):
        refuses("settings.npy .* no settings of suite2p", call, folder)  # type: ignore[arg-type]
    (folder / "settings.npy").unlink()
    assert open_movie(folder).frame_rate is None
    (folder / "db.npy").unlink()
    refuses("no ops.npy or db.npy with the frame size beside data.bin", open_movie, folder / "data.bin")
    refuses("no ops.npy with the frame size, nor such a db.npy", open_rois, folder)
    assert open_rois(folder, frame_shape=(HEIGHT, WIDTH)).frame_shape == (HEIGHT, WIDTH)
    (folder / "data.bin").unlink()
    refuses("holds no data.bin, the movie that suite2p registered", open_movie, folder)


def test_red_cells(tmp_path: Path) -> None:
    folder = plane(tmp_path)
    np.save(folder / "redcell.npy", np.array([[0, 0.2], [1, 0.9]]))
    columns = open_rois(folder).columns
    assert columns["redcell"].tolist() == [False, True]
    np.testing.assert_allclose(columns["redcell_probability"], [0.2, 0.9], rtol=1e-6)
    np.save(folder / "redcell.npy", np.ones((5, 2)))
    refuses("redcell.npy .* one line for each of 2 ROIs", open_rois, folder)
    save(folder / "redcell.npy", None)
    assert not open_rois(folder).columns


@pytest.mark.parametrize("old", [True, False])
def test_damaged_files_are_refused_or_opened(tmp_path: Path, old: bool) -> None:
    folder = plane(tmp_path, old=old)
    calls = (
        lambda: open_rois(folder),
        lambda: open_traces(folder),
        lambda: given_bad_frames(open_movie(folder)),
        lambda: wrapped_pixels(open_movie(folder)),
        lambda: ends(open_movie(folder)),
    )
    damaged(sorted(folder.iterdir()), *calls, damage=lambda whole, random: mutated(whole, random, 1500))
    for call in calls:
        call()  # they are whole again


def test_real_folders(data_folder: Path) -> None:
    for place, rois, frames, shape, rate in (
        ("formats/suite2p_1_1/plane0", 20, 400, (96, 128), 15),
        ("formats/suite2p/plane0", 15, 250, (128, 128), 10),
        ("suite2p_plane0", 219, 2000, (608, 608), 10),
    ):
        found, traces = open_rois(data_folder / place), open_traces(data_folder / place)
        assert (len(found), found.frame_shape) == (rois, shape)
        assert (traces.values.shape, traces.values.dtype) == ((rois, frames), np.float32)
        assert traces.frame_rate == rate
    assert open_rois(data_folder / "formats/suite2p/plane0").columns["redcell"].shape == (15,)


def test_real_movie_gives_the_traces_of_suite2p(data_folder: Path, tmp_path: Path) -> None:
    folder = data_folder / "formats" / "suite2p_1_1" / "plane0"
    movie = open_movie(folder)
    assert (movie.shape, movie.dtype, movie.frame_rate) == ((400, 96, 128), np.int16, 15)
    ours = extract_traces(movie, open_rois(folder)).values
    theirs = open_traces(folder, neuropil=None).values
    alike = [np.corrcoef(*pair)[0, 1] for pair in zip(ours, theirs, strict=True)]
    assert np.median(alike) >= 0.8
    assert min(alike) >= 0.8
    without = shutil.copytree(folder, tmp_path / "plane0", ignore=shutil.ignore_patterns("ops.npy"))
    rois = open_rois(without)
    np.testing.assert_array_equal(rois.footprints.toarray(), open_rois(folder).footprints.toarray())
    assert open_movie(without).frame_rate == open_traces(without).frame_rate == 15
