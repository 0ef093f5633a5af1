"""Recordings of Scanbox and ThorImage: numbers in one file, what they are in another."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from bad_input import refuses

from damage import damaged, ends
from napari_calcdyn.recording import Movie, inspect_movie, open_movie
from napari_calcdyn.recording.mat5 import read_structure

PIXELS = np.random.default_rng(0).integers(0, 4000, (24, 20, 30)).astype(np.uint16)


def check(movie: Movie, pixels: np.ndarray[Any, Any] = PIXELS) -> None:
    assert (movie.shape, movie.dtype) == (pixels.shape, pixels.dtype)
    for start, stop in ((0, len(pixels)), (3, 4), (2, 30)):
        np.testing.assert_array_equal(movie.frames(start, stop), pixels[start:stop])
    np.testing.assert_array_equal(np.asarray(movie.data[3:9, 2:5]), pixels[3:9, 2:5])


def scanbox(path: Path, frames: np.ndarray[Any, Any], compress: bool = True, **changes: Any) -> Path:
    """Write (T, Y, X, channels) as Scanbox does, bidirectional, with its structure of settings."""
    info = {
        "resfreq": 7930.0, "scanmode": 0, "recordsPerBuffer": 10, "sz": [20, 30],
        "channels": 1 if frames.shape[3] == 2 else 2,
        "config": {"wavelength": 920, "magnification": 1, "frames": 24}, "messages": np.zeros((0, 1)), "volscan": 0,
        "otwave": [], "objective": "Nikon 16x", "calibration": np.array([{"x": 1.0}, {"x": 2.0}]), "ballmotion": [],
    }  # fmt: skip
    scipy.io.savemat(path.with_suffix(".mat"), {"info": info | changes}, do_compression=compress)
    (65535 - frames).astype("<u2").tofile(path)
    return path


@pytest.mark.parametrize("compress", [True, False])
def test_scanbox(tmp_path: Path, compress: bool) -> None:
    path = scanbox(tmp_path / "m1_000.sbx", PIXELS[..., None], compress)
    movie = open_movie(path)
    check(movie)
    assert (movie.frame_rate, movie.pixel_size, movie.notes) == (793, None, ())
    movie = open_movie(scanbox(path, PIXELS[..., None], compress, scanmode=1, recordsPerBuffer=20))
    check(movie)
    assert movie.frame_rate == 396.5
    path = scanbox(path, np.stack([PIXELS, PIXELS + 1], 3), compress)
    refuses("m1_000.sbx has 2 channels: choose one with channel=0", open_movie, path)
    check(open_movie(path, channel=1), PIXELS + 1)
    path = scanbox(path, PIXELS[..., None], compress, volscan=1, otparam=[0, 100, 3])
    assert (inspect_movie(path).planes, inspect_movie(path).n_frames) == (3, 8)
    movie = open_movie(path, plane=2)
    check(movie, PIXELS[2::3])
    assert movie.frame_rate == pytest.approx(793 / 3)
    check(
        open_movie(scanbox(path, PIXELS[..., None], compress, volscan=1, otwave=[1, 2, 3, 4]), plane=1),
        PIXELS[1::4],
    )


def test_scanbox_that_does_not_fit(tmp_path: Path) -> None:
    path = scanbox(tmp_path / "a.sbx", PIXELS[..., None])
    path.write_bytes(path.read_bytes()[:-7])
    movie = open_movie(path)
    check(movie, PIXELS[:23])
    assert movie.notes == (
        "a.sbx ends in the middle of a frame, after 23 whole ones: it was interrupted, or cut short.",
    )
    refuses("The axes of a.sbx are known", open_movie, path, axes="TYX")
    refuses("does not give the size of the frames", open_movie, scanbox(path, PIXELS[..., None], sz=[]))
    scipy.io.savemat(path.with_suffix(".mat"), {"other": 1})
    refuses("a.mat holds no structure info", open_movie, path)
    path.with_suffix(".mat").write_bytes(b"text")
    refuses("a.mat is damaged, or no MATLAB file", open_movie, path)
    path.with_suffix(".mat").unlink()
    refuses("a.mat, which describes a.sbx, is not beside it", open_movie, path)


def test_structures_are_read_as_scipy_reads_them(tmp_path: Path) -> None:
    path = scanbox(tmp_path / "a.sbx", PIXELS[..., None]).with_suffix(".mat")
    found = read_structure(path, "info")
    theirs = scipy.io.loadmat(path, squeeze_me=True)["info"]
    assert found["objective"] == theirs["objective"].item()
    assert found["sz"].tolist() == theirs["sz"].item().tolist()
    assert found["config"]["wavelength"] == theirs["config"].item()["wavelength"].item()
    assert set(found) == set(theirs.dtype.names)


XML = """<?xml version="1.0"?>
<ThorImageExperiment><Name name="Experiment.xml"/>
<Wavelengths nyquistExWavelengthNM="488">{waves}</Wavelengths>
<ZStage name="ThorZPiezo" steps="3" stepSizeUM="10"/>
<LSM name="ResonanceGalvo" pixelX="30" pixelY="20" frameRate="30.3" averageMode="{average}" averageNum="3"
 widthUM="60" heightUM="20"/>
<Streaming enable="1" frames="{frames}" rawData="1" zFastEnable="{fast}" flybackFrames="1"/>
</ThorImageExperiment>"""


def thorlabs(folder: Path, pixels: np.ndarray[Any, Any], channels: int = 1, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    waves = "".join(f'<Wavelength name="Chan{letter}" exposuretimeMS="0"/>' for letter in "ABCD"[:channels])
    about = {"waves": waves, "average": 0, "frames": 24, "fast": 0} | changes
    (folder / "Experiment.xml").write_text(XML.format(**about), encoding="utf-8")
    pixels.astype("<u2").tofile(folder / "Image_0001_0001.raw")
    return folder / "Image_0001_0001.raw"


def test_thorlabs(tmp_path: Path) -> None:
    path = thorlabs(tmp_path / "day", PIXELS)
    for place in (path, path.parent):
        movie = open_movie(place)
        check(movie)
        assert (movie.name, movie.frame_rate, movie.notes) == ("day/Image_0001_0001.raw", 30.3, ())
        assert movie.pixel_size == (1, 2)
    assert open_movie(thorlabs(tmp_path / "day", PIXELS, average=1)).frame_rate == pytest.approx(10.1)
    path = thorlabs(tmp_path / "two", np.stack([PIXELS, PIXELS + 1], 1), 2)
    check(open_movie(path, channel=1), PIXELS + 1)
    path = thorlabs(tmp_path / "fast", PIXELS, fast=1)
    assert (inspect_movie(path).planes, inspect_movie(path).n_frames) == (3, 6), "and one that flies back"
    movie = open_movie(path, plane=2)
    check(movie, PIXELS[2::4])
    assert movie.frame_rate == pytest.approx(30.3 / 4)


def test_thorlabs_that_does_not_fit(tmp_path: Path) -> None:
    path = thorlabs(tmp_path, PIXELS, frames=40)
    assert "holds only 24 of the 40 frames that it announces" in open_movie(path).notes[0]
    path.write_bytes(path.read_bytes() + b"123")
    assert "holds only 24 of the 40" in open_movie(path).notes[0]
    refuses(
        "does not hold frames of 20 × 30 pixels in 2 channels",
        open_movie,
        thorlabs(tmp_path, PIXELS[:23], 2, frames=4),
    )
    xml = tmp_path / "Experiment.xml"
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>'
    for content in (bomb.encode(), bomb.encode("utf-16")):
        xml.write_bytes(content)
        refuses("defines entities, which are not read", open_movie, path)
    xml.write_bytes(b"<LSM")
    refuses("Experiment.xml beside .* is damaged", open_movie, path)
    xml.write_text("<a/>")
    refuses("does not give the size of the frames", open_movie, path)
    xml.unlink()
    refuses("Experiment.xml, which describes Image_0001_0001.raw, is not beside it", open_movie, path)


@pytest.mark.parametrize("kind", ["scanbox", "plain scanbox", "thorlabs"])
def test_damaged_files_are_refused_or_opened(tmp_path: Path, kind: str) -> None:
    if kind == "thorlabs":
        path = thorlabs(tmp_path, PIXELS)
        about = path.with_name("Experiment.xml")
    else:
        path = scanbox(tmp_path / "a.sbx", PIXELS[..., None], kind == "scanbox")
        about = path.with_suffix(".mat")
    tracemalloc.start()
    refused = damaged([path, *[about] * 7], lambda: ends(open_movie(path)))
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert len(refused) > 30
