"""TIFF recordings of which less is there than they announce, and folders that hold more than the recording."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from bad_input import refuses

from damage import damaged, ends
from napari_calcdyn.recording import inspect_movie, open_movie
from napari_calcdyn.recording.quality import check_quality

PIXELS = np.random.default_rng(0).integers(0, 4000, (50, 34, 45)).astype(np.uint16)
ANNOUNCES = (
    "holds only {} of the {} frames that it announces: the recording was interrupted, or"
    " not all of it was copied."
)


def ome(files: str = "<TiffData/>", uuid: str = "", **sizes: int) -> str:
    size = "".join(f' Size{key}="{value}"' for key, value in ({"T": 50, "C": 1, "Z": 1} | sizes).items())
    return (
        f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}>'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="45" SizeY="34"{size}'
        f' TimeIncrement="0.1" PhysicalSizeX="0.5" PhysicalSizeY="0.5">{files}</Pixels></Image></OME>'
    )


def write(path: Path, pages: np.ndarray[Any, Any], description: str = "", **how: Any) -> Path:
    with tifffile.TiffWriter(path) as writer:
        for page, frame in enumerate(pages):
            text = None if page or not description else description
            writer.write(frame, contiguous=False, metadata=None, description=text, **how)
    return path


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}])
def test_interrupted_ome(tmp_path: Path, how: dict[str, Any]) -> None:
    movie = open_movie(write(tmp_path / "a.ome.tif", PIXELS[:37], ome(), **how))
    np.testing.assert_array_equal(movie.frames(0, 50), PIXELS[:37])
    assert movie.notes == ("a.ome.tif " + ANNOUNCES.format(37, 50),)
    assert (movie.frame_rate, movie.pixel_size) == (10, (0.5, 0.5))
    assert ANNOUNCES.format(37, 50) in check_quality(movie).findings[0].text
    both = open_movie([tmp_path / "a.ome.tif", write(tmp_path / "b.tif", PIXELS[:9])])
    assert (both.n_frames, both.notes) == (46, movie.notes), "the next trial"
    path = write(tmp_path / "two.ome.tif", PIXELS[:37], ome(C=2), **how)
    info = inspect_movie(path)
    assert (info.n_frames, info.channels) == (18, 2), "the last frame has one channel only"
    np.testing.assert_array_equal(open_movie(path, channel=1).frames(0, 18), PIXELS[1:37:2])
    channel = "".join(
        f'<TiffData IFD="{page}" FirstT="{page}" FirstC="0" PlaneCount="1"/>' for page in range(50)
    )
    movie = open_movie(write(tmp_path / "one.ome.tif", PIXELS, ome(channel, C=2), **how))
    np.testing.assert_array_equal(movie.frames(0, 50), PIXELS)
    assert movie.notes == ("one.ome.tif lacks 1 of its 2 channels: copy the whole recording.",)


def test_interrupted_ome_in_many_files(tmp_path: Path) -> None:
    where = "".join(
        f'<TiffData IFD="0" FirstT="{t}" PlaneCount="1"><UUID FileName="m{t}.ome.tif">urn:uuid:1{t}</UUID></TiffData>'
        for t in range(12)
    )
    for t in range(7):
        write(tmp_path / f"m{t}.ome.tif", PIXELS[t : t + 1], ome(where, f' UUID="urn:uuid:1{t}"', T=12))
    tifffile.imwrite(tmp_path / "AVG_m.tif", PIXELS[0].astype("f4"))
    for place in (tmp_path, tmp_path / "m0.ome.tif"):
        movie = open_movie(place)
        np.testing.assert_array_equal(movie.frames(0, 12), PIXELS[:7])
        assert "m0.ome.tif " + ANNOUNCES.format(7, 12) in movie.notes
    (tmp_path / "m3.ome.tif").unlink()
    refuses("m0.ome.tif needs files that are missing", open_movie, tmp_path / "m0.ome.tif")


def scanimage(path: Path, pages: np.ndarray[Any, Any], **changes: Any) -> Path:
    """Write what ScanImage 5.1 does: its notes in the description of each page."""
    notes = {"hChannels.channelSave": "1", "hFastZ.enable": "false", "hStackManager.numSlices": "1"}
    notes |= {"hRoiManager.scanFrameRate": "30.0", "hStackManager.framesPerSlice": "50"} | changes
    lines = "".join(f"scanimage.SI.{key} = {value}\n" for key, value in notes.items())
    with tifffile.TiffWriter(path) as writer:
        for page, frame in enumerate(pages):
            text = f"frameNumbers = {page + 1}\n{lines}"
            writer.write(frame, description=text, contiguous=False, metadata=None)
    return path


def test_interrupted_scanimage(tmp_path: Path) -> None:
    movie = open_movie(scanimage(tmp_path / "a.tif", PIXELS[:37]))
    np.testing.assert_array_equal(movie.frames(0, 50), PIXELS[:37])
    assert movie.notes == ("a.tif " + ANNOUNCES.format(37, 50),)
    assert open_movie(scanimage(tmp_path / "a.tif", PIXELS)).notes == ()
    endless = {"hStackManager.framesPerSlice": "Inf"}
    assert open_movie(scanimage(tmp_path / "a.tif", PIXELS[:20], **endless)).notes == ()
    part = {"hScan2D.logFramesPerFile": "20"}
    path = scanimage(tmp_path / "a.tif", PIXELS[:20], **part)
    assert open_movie(path).notes == (), "the rest is in other files"
    both = [path, scanimage(tmp_path / "b.tif", PIXELS[20:37], **part)]
    assert "only 37 of the 50" in open_movie(both).notes[0]
    fast = {"hFastZ.enable": "true", "hStackManager.numSlices": "5", "hStackManager.numVolumes": "10"}
    movie = open_movie(scanimage(tmp_path / "a.tif", PIXELS[:37], **fast), plane=0)
    assert (movie.n_frames, movie.notes) == (7, ("a.tif " + ANNOUNCES.format(7, 10),))


@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_scanimage_that_was_never_closed(tmp_path: Path, kept: float) -> None:
    path = scanimage(tmp_path / "a.tif", PIXELS)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    movie = open_movie(path)
    assert kept * 50 - 3 < movie.n_frames <= kept * 50
    np.testing.assert_array_equal(movie.frames(0, 50), PIXELS[: movie.n_frames])
    [note] = movie.notes
    assert (
        f"ends in the middle of its pages, of which {movie.n_frames} are whole: it was interrupted." in note
    )
    later = scanimage(tmp_path / "b.tif", PIXELS[:5])
    refuses("ends in the middle .* nothing can follow it, so open it alone", open_movie, [path, later])
    before = later.rename(tmp_path / "0.tif")
    assert open_movie([before, path]).n_frames == 5 + movie.n_frames


def test_strays_in_a_folder(tmp_path: Path) -> None:
    stack = write(tmp_path / "trial.tif", PIXELS)
    tifffile.imwrite(tmp_path / "AVG_trial.tif", PIXELS.mean(0).astype("f4"))
    tifffile.imwrite(tmp_path / "MAX_trial.tif", PIXELS.max(0))
    tifffile.imwrite(tmp_path / "thumbnail.tif", PIXELS[0, ::4, ::4])
    tifffile.imwrite(tmp_path / "snapshot.tif", np.zeros((34, 45, 3), np.uint8), photometric="rgb")
    movie = open_movie(tmp_path)
    np.testing.assert_array_equal(movie.frames(0, 50), PIXELS)
    assert (movie.files, movie.name) == ((stack,), tmp_path.name)
    assert movie.notes == (
        f"4 images in the folder {tmp_path.name} left out, as not part of the recording: AVG_trial.tif, MAX_trial.tif,"
        " snapshot.tif and 1 more.",
    )
    assert inspect_movie(tmp_path).n_frames == 50
    write(tmp_path / "trial2.tif", PIXELS[:9])
    assert open_movie(tmp_path).n_frames == 59
    write(tmp_path / "other.tif", PIXELS[:9, :20])
    refuses("open only files of one recording", open_movie, tmp_path)
    refuses("open only files of one recording", open_movie, [stack, tmp_path / "thumbnail.tif"])


def test_strays_among_single_frames(tmp_path: Path) -> None:
    for number, frame in enumerate(PIXELS[:12]):
        tifffile.imwrite(tmp_path / f"t-000_Cycle00001_Ch1_{number + 1:06}.ome.tif", frame, metadata=None)
    tifffile.imwrite(tmp_path / "t-000-Window1-Ch1-8bit-Reference.tif", (PIXELS[0] // 16).astype("u1"))
    movie = open_movie(tmp_path)
    np.testing.assert_array_equal(movie.frames(0, 12), PIXELS[:12])
    assert movie.notes == (
        f"1 image in the folder {tmp_path.name} left out, as not part of the recording:"
        " t-000-Window1-Ch1-8bit-Reference.tif.",
    )
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(PIXELS[:6]):
        tifffile.imwrite(folder / f"AVG_{number}.tif", frame)
    tifffile.imwrite(folder / "b.tif", PIXELS[0].astype("f4"))
    assert open_movie(folder).n_frames == 6, "all are averages, so these are the frames"
    colours = tmp_path / "colours"
    colours.mkdir()
    for name in "ab":
        tifffile.imwrite(colours / f"{name}.tif", np.zeros((34, 45, 3), np.uint8), photometric="rgb")
    refuses("holds nothing but colour", open_movie, colours)


def test_what_is_announced_is_not_allocated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ome.tif", PIXELS[:9], ome(T=10**12))
    tracemalloc.start()
    refuses("announces 1,000,000,000,000 pages: its header is damaged", open_movie, path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert "only 9 of the 90,000 frames" in open_movie(write(path, PIXELS[:9], ome(T=90_000))).notes[0]


def plain(path: Path, pages: np.ndarray[Any, Any]) -> Path:
    tifffile.imwrite(path, pages, imagej=True, metadata={"axes": "TYX"})
    return path


def interrupted_ome(path: Path, pages: np.ndarray[Any, Any]) -> Path:
    return write(path, pages, ome())


@pytest.mark.parametrize("writer", [plain, interrupted_ome, scanimage])
def test_damaged_files_are_refused_or_opened(tmp_path: Path, writer: Any) -> None:
    path = writer(tmp_path / "movie.tif", PIXELS[:12])
    assert len(damaged([path], lambda: ends(open_movie(path)))) > 20
