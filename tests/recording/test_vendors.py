"""Real recordings: what their makers say about rates, sizes, channels and planes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_calcdyn.recording import inspect_movie, open_movie
from napari_calcdyn.recording.movies.readers.scanimage import ScanImage
from napari_calcdyn.recording.movies.readers.tiff.bruker import by_channel

SCANIMAGE = "formats/scanimage"
VOLUME = "vol_two_ch_multi_files_00001_0000"


def test_mouse(mouse_movie_path: Path) -> None:
    movie = open_movie(mouse_movie_path)
    pixels = tifffile.imread(mouse_movie_path)
    assert (movie.shape, movie.dtype, movie.axes) == ((500, 64, 64), np.int16, "TYX")
    np.testing.assert_array_equal(movie.frames(100, 300), pixels[100:300])
    np.testing.assert_allclose(movie.mean_frame(), pixels.mean(0), rtol=1e-6, atol=1e-5)


def test_imagej_trials_in_one_folder(data_folder: Path, fissa_movie_paths: list[Path]) -> None:
    movie = open_movie(data_folder / "fissa")
    assert (movie.shape, movie.dtype) == ((864, 176, 156), np.uint16)
    assert movie.pixel_size is None  # its unit is the pixel
    whole = np.concatenate([tifffile.imread(path) for path in fissa_movie_paths])
    np.testing.assert_array_equal(movie.frames(280, 600), whole[280:600])
    np.testing.assert_allclose(movie.statistics().std, whole.std(0), rtol=1e-5)


def test_scanimage_volumes_in_two_channels(data_folder: Path) -> None:
    """Pages go channel, slice, volume; seven of sixteen slices are flyback. The file itself says ZCYX."""
    path = data_folder / SCANIMAGE / f"{VOLUME}1.tif"
    info = inspect_movie(path)
    assert (info.n_frames, info.planes, info.channels) == (10, 9, 2)
    assert info.frame_rate == pytest.approx(32.7454)
    assert info.pixel_size == pytest.approx((16.875 / 20, 16.875 / 20))
    pages = tifffile.imread(path).reshape(10, 16, 2, 20, 20)
    np.testing.assert_array_equal(open_movie(path, channel=1, plane=8).frames(0, 10), pages[:, 8, 1])

    both = [path, data_folder / SCANIMAGE / f"{VOLUME}2.tif"]
    second = tifffile.imread(both[1]).reshape(10, 16, 2, 20, 20)
    joined = open_movie(both, channel=0, plane=3)
    np.testing.assert_array_equal(joined.frames(0, 20), np.concatenate([pages, second])[:, 3, 0])
    np.testing.assert_array_equal(open_movie(both[1], channel=0, plane=3).frames(0, 10), second[:, 3, 0])


def test_scanimage_slow_stack(data_folder: Path) -> None:
    """Two frames of each of two slices, three times over, in two channels."""
    path = data_folder / SCANIMAGE / "scanimage_20220923_noroi.tif"
    info = inspect_movie(path)
    assert (info.n_frames, info.planes, info.channels) == (6, 2, 2)
    assert info.frame_rate is None  # the frames of a slice come in pairs
    pages = tifffile.imread(path).reshape(3, 2, 2, 2, 256, 256)
    expected = pages[:, 1, :, 0].reshape(6, 256, 256)
    np.testing.assert_array_equal(open_movie(path, channel=0, plane=1).frames(0, 6), expected)


def test_scanimage_3(data_folder: Path) -> None:
    movie = open_movie(data_folder / SCANIMAGE / "sample_scanimage_version_3_8.tiff")
    assert (movie.shape, movie.frame_rate) == ((10, 256, 256), 3.90625)


def test_scanimage_5_keeps_its_notes_in_the_description(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    notes = {"hChannels.channelSave": "[1;2]", "hFastZ.enable": "true", "hStackManager.numSlices": "3"}
    notes |= {"hRoiManager.scanFrameRate": "30.0", "hStackManager.framesPerSlice": "1"}
    lines = "".join(f"scanimage.SI.{key} = {value}\n" for key, value in notes.items())
    with tifffile.TiffWriter(path) as writer:
        for page in range(24):
            description = f"frameNumbers = {page // 2 + 1}\n{lines}"
            frame = np.full((5, 6), page, np.int16)
            writer.write(frame, description=description, contiguous=False, metadata=None)
    info = inspect_movie(path)
    assert (info.n_frames, info.planes, info.channels, info.frame_rate) == (4, 3, 2, 10)
    np.testing.assert_array_equal(open_movie(path, channel=1, plane=2).frames(0, 4)[:, 0, 0], [5, 11, 17, 23])


def test_scanimage_order_of_pages() -> None:
    whole = ScanImage(channels=2, slices=3, cycle=4).arrange(2 * 4 * 5)
    assert whole.shape == (5, 3, 2)
    np.testing.assert_array_equal(whole[1], [[8, 9], [10, 11], [12, 13]])
    # A file that begins in the middle of a volume, at its slice 2, and ends in one.
    later = ScanImage(slices=3, cycle=3, first_frame=2).arrange(9)
    np.testing.assert_array_equal(later, np.array([[1, 2, 0], [4, 5, 3], [7, 8, 6]])[:, :, None])


def test_bruker_folder(data_folder: Path) -> None:
    folder = next((data_folder / "formats" / "bruker").iterdir())
    movie = open_movie(folder)
    assert (movie.shape, movie.dtype) == ((9, 512, 512), np.uint16)
    assert movie.frame_rate == pytest.approx(1 / 0.032953338)
    assert movie.pixel_size == pytest.approx((1.1078125, 1.1078125))
    last = sorted(folder.glob("*.ome.tif"))[-1]
    with tifffile.TiffFile(last, is_ome=False, is_stk=False) as tif:
        np.testing.assert_array_equal(movie.frames(8, 9)[0], tif.pages.first.asarray())


def bruker(folder: Path, cycle: int, channel: int, number: int, value: int) -> None:
    name = f"t-000_Cycle{cycle:05}_Ch{channel}_{number:06}.ome.tif"
    tifffile.imwrite(folder / name, np.full((8, 9), value, np.uint16), metadata=None)


def test_bruker_channels_and_volumes(tmp_path: Path) -> None:
    for cycle in range(5):
        for channel in (1, 2):
            for number in range(3):
                bruker(tmp_path, cycle + 1, channel, number + 1, 100 * cycle + 10 * channel + number)
    assert [len(files) for files in by_channel(sorted(tmp_path.iterdir()))] == [15, 15]
    info = inspect_movie(tmp_path)
    assert (info.n_frames, info.planes, info.channels) == (15, 1, 2)
    frames = "".join(f'<Frame index="{k}"/>' for k in range(3))
    (tmp_path / "t-000.xml").write_text(
        '<PVScan><PVStateShard><PVStateValue key="framePeriod" value="0.1"/></PVStateShard>'
        + f'<Sequence type="TSeries ZSeries Element">{frames}</Sequence>' * 5
        + "</PVScan>"
    )
    info = inspect_movie(tmp_path)
    assert (info.n_frames, info.planes, info.channels) == (5, 3, 2)
    assert info.frame_rate == pytest.approx(10 / 3)
    movie = open_movie(tmp_path, channel=1, plane=2)
    np.testing.assert_array_equal(movie.frames(0, 5)[:, 0, 0], [22, 122, 222, 322, 422])
