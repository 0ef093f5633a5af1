"""ROIs of suite2p and ImageJ."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import roifile
import tifffile
from bad_input import Runs, refuses

from damage import damaged
from napari_calcdyn.recording import Movie, RoiSet, extract_traces, open_movie, open_rois


def suite2p(folder: Path, stat: list[Any], **ops: Any) -> Path:
    """Write a plane as suite2p does."""
    folder.mkdir(parents=True, exist_ok=True)
    table = np.empty(len(stat), object)
    table[:] = stat
    np.save(folder / "stat.npy", table, allow_pickle=True)
    np.save(
        folder / "ops.npy", np.array({"Ly": 20, "Lx": 30, "fs": 15.0, "nplanes": 3, **ops}), allow_pickle=True
    )
    return folder


def roi(ypix: list[int], xpix: list[int], lam: list[float], **more: Any) -> dict[str, Any]:
    return {"ypix": np.array(ypix), "xpix": np.array(xpix), "lam": np.array(lam, np.float32), **more}


PAIR = [
    roi([1, 1, 2], [3, 4, 4], [1, 2, 1], overlap=np.array([False, False, True])),
    roi([2, 3], [4, 4], [0.5, 1.5], overlap=np.array([True, False])),
    roi([2], [4], [3], overlap=np.array([True])),
]


def test_suite2p_weights_leave_out_shared_pixels(tmp_path: Path) -> None:
    rois = open_rois(suite2p(tmp_path / "plane0", PAIR))
    assert rois.frame_shape == (20, 30)
    assert rois.ids.tolist() == [0, 1, 2]
    dense = rois.footprints.toarray().reshape(3, 20, 30)
    np.testing.assert_allclose(dense[0, 1, 3:5], [1 / 3, 2 / 3], rtol=1e-6)
    assert dense[0, 2, 4] == 0
    assert dense[1, 3, 4] == 1
    assert dense[2, 2, 4] == 1, "an ROI without pixels of its own keeps the shared ones"
    assert "plane0" in rois.provenance


def test_suite2p_weights_with_overlap_allowed(tmp_path: Path) -> None:
    rois = open_rois(suite2p(tmp_path / "plane0", PAIR, allow_overlap=True))
    np.testing.assert_allclose(rois.footprints.toarray().reshape(3, 20, 30)[1, 2:4, 4], [0.25, 0.75])


def test_suite2p_cells(tmp_path: Path) -> None:
    folder = suite2p(tmp_path / "plane0", PAIR)
    assert not open_rois(folder).columns
    np.save(folder / "iscell.npy", np.array([[1, 0.9], [0, 0.2], [1, 0.7]]))
    rois = open_rois(folder)
    cells = rois.select(rois.columns["iscell"])
    assert cells.ids.tolist() == [0, 2]
    np.testing.assert_allclose(cells.columns["iscell_probability"], [0.9, 0.7], rtol=1e-6)
    np.save(folder / "iscell.npy", np.ones((5, 2)))
    refuses("iscell.npy .* one line for each of 3 ROIs", open_rois, folder)


def test_suite2p_folder_above(tmp_path: Path) -> None:
    suite2p(tmp_path / "suite2p" / "plane0", PAIR)
    for folder in (tmp_path, tmp_path / "suite2p", tmp_path / "suite2p" / "plane0"):
        assert len(open_rois(folder)) == 3
    suite2p(tmp_path / "suite2p" / "plane1", PAIR[:2])
    refuses(r"several planes \(plane0, plane1\)", open_rois, tmp_path)
    assert len(open_rois(tmp_path / "suite2p" / "plane1")) == 2


def test_suite2p_errors(tmp_path: Path) -> None:
    refuses("There is no file or folder", open_rois, tmp_path / "none")
    refuses("holds no stat.npy of suite2p: choose", open_rois, tmp_path)
    folder = suite2p(tmp_path / "plane0", PAIR)
    refuses(r"frames of 20 × 30 pixels but the movie has 20 × 31", open_rois, folder, frame_shape=(20, 31))
    assert len(open_rois(folder, frame_shape=(20, 30))) == 3
    suite2p(folder, PAIR, Ly=3)
    refuses(r"ROI 1 in .* lies outside the frames of 3 × 30", open_rois, folder)
    suite2p(folder, [])
    refuses("There are no ROIs in the suite2p folder", open_rois, folder)
    for broken in ({"ypix": [1]}, 5, roi([1, 2], [1], [1, 1]), roi([1], [1], [1, 1]), roi(1, 1, 1)):  # type: ignore[arg-type]
        suite2p(folder, [PAIR[0], broken])
        refuses("does not describe ROI 1 by ypix, xpix and lam", open_rois, folder)
    suite2p(folder, [Runs(print, "hello")])
    refuses("stat.npy asks for builtins.print, which could run code", open_rois, folder)
    suite2p(folder, PAIR)
    np.save(folder / "ops.npy", np.arange(3))
    refuses("ops.npy .* no settings of suite2p", open_rois, folder)
    (folder / "ops.npy").unlink()
    refuses("no ops.npy with the frame size", open_rois, folder)
    assert open_rois(folder, frame_shape=(20, 30)).frame_shape == (20, 30)
    (folder / "stat.npy").write_bytes((folder / "stat.npy").read_bytes()[:200])
    refuses("stat.npy is truncated", open_rois, folder, frame_shape=(20, 30))
    np.save(folder / "F.npy", np.ones((3, 9)))
    (folder / "stat.npy").unlink()
    refuses("holds no stat.npy, in which suite2p saves its ROIs", open_rois, folder)


def imagej(kind: str, top: int, left: int, bottom: int, right: int) -> roifile.ImagejRoi:
    shape = roifile.ImagejRoi()
    shape.roitype = getattr(roifile.ROI_TYPE, kind)
    shape.top, shape.left, shape.bottom, shape.right, shape.name = top, left, bottom, right, kind.lower()
    return shape


def mask(rois: RoiSet, position: int) -> np.ndarray:
    pixels: np.ndarray = rois.footprints.toarray()[position].reshape(rois.frame_shape) > 0
    return pixels


def test_imagej_shapes(tmp_path: Path) -> None:
    path = tmp_path / "rois.zip"
    polygon = roifile.ImagejRoi.frompoints(np.array([[20, 3], [26, 3], [26, 9], [20, 9]]), name="hand drawn")
    subpixel = roifile.ImagejRoi.frompoints(np.array([[20.6, 3.6], [25.4, 3.6], [25.4, 8.4], [20.6, 8.4]]))
    roifile.roiwrite(path, [imagej("RECT", 2, 3, 5, 9), imagej("OVAL", 10, 2, 21, 17), polygon, subpixel])
    rois = open_rois(path, frame_shape=(24, 30))
    assert rois.ids.tolist() == [1, 2, 3, 4]
    assert rois.columns["name"].tolist()[:3] == ["rect", "oval", "hand drawn"]
    y, x = np.mgrid[:24, :30]
    np.testing.assert_array_equal(mask(rois, 0), (y >= 2) & (y < 5) & (x >= 3) & (x < 9))
    inside = ((y + 0.5 - 15.5) / 5.5) ** 2 + ((x + 0.5 - 9.5) / 7.5) ** 2 < 1
    np.testing.assert_array_equal(mask(rois, 1), inside)
    square = (y >= 3) & (y < 9) & (x >= 20) & (x < 26)
    np.testing.assert_array_equal(mask(rois, 2), square)
    np.testing.assert_array_equal(mask(rois, 3), (y >= 4) & (y < 8) & (x >= 21) & (x < 25))


def test_imagej_composite_with_a_hole(tmp_path: Path) -> None:
    ring = imagej("RECT", 2, 2, 12, 12)
    outer = [0, 2, 2, 1, 12, 2, 1, 12, 12, 1, 2, 12, 4]
    inner = [0, 5, 5, 1, 9, 5, 1, 9, 9, 1, 5, 9, 4]
    ring.multi_coordinates = np.array(outer + inner, np.float32)
    ring.shape_roi_size = len(outer + inner)
    ring.tofile(tmp_path / "ring.roi")
    pixels = mask(open_rois(tmp_path / "ring.roi", frame_shape=(20, 20)), 0)
    expected = np.zeros((20, 20), bool)
    expected[2:12, 2:12] = True
    expected[5:9, 5:9] = False
    np.testing.assert_array_equal(pixels, expected)


def test_imagej_points_and_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rois.zip"
    text = imagej("RECT", 1, 1, 5, 5)
    text.name = "note"
    text.subtype = roifile.ROI_SUBTYPE.TEXT
    lines = [imagej(kind, 1, 1, 5, 5) for kind in ("LINE", "POINT", "ANGLE")]
    roifile.roiwrite(
        path, [lines[0], imagej("RECT", 2, 3, 5, 9), lines[1], imagej("OVAL", 9, 2, 15, 9), text]
    )
    rois = open_rois(path, frame_shape=(20, 20))
    assert rois.ids.tolist() == [2, 4], "numbered as in the file"
    assert rois.columns["name"].tolist() == ["rect", "oval"]
    note = "3 ROIs of rois.zip left out, as no areas of pixels: 1 (line, line), 3 (point, point), 5 (note, text)."
    assert rois.notes == rois.select([True, False]).notes == (note,)
    y, x = np.mgrid[:20, :20]
    np.testing.assert_array_equal(mask(rois, 0), (y >= 2) & (y < 5) & (x >= 3) & (x < 9))
    movie = Movie.from_array(np.random.default_rng(0).random((9, 20, 20)))
    traces = extract_traces(movie, rois)
    assert traces.provenance["warnings"] == [note]


def test_damaged_imagej_files_are_refused_or_opened(tmp_path: Path) -> None:
    path, kinds = tmp_path / "rois.zip", ("RECT", "LINE", "OVAL")
    roifile.roiwrite(
        path, [imagej(kind, 2, 3, 5, 9) for kind in kinds], name=[f"{kind}.roi" for kind in kinds]
    )
    assert len(damaged([path], lambda: open_rois(path, frame_shape=(20, 20)))) > 50


def test_imagej_files_of_macos_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rois.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.roi", imagej("RECT", 2, 3, 5, 9).tobytes())
        archive.writestr("__MACOSX/._a.roi", b"\0\5\x16\7")
        archive.writestr("notes.txt", b"")
    assert len(open_rois(path, frame_shape=(20, 20))) == 1


def test_imagej_errors(tmp_path: Path) -> None:
    path = tmp_path / "rois.zip"
    square = imagej("RECT", 2, 3, 5, 9)
    roifile.roiwrite(path, [square])
    refuses("rois.zip does not say how large the image is", open_rois, path)
    path.unlink()
    roifile.roiwrite(path, [imagej("LINE", 1, 1, 5, 5), imagej("POINT", 1, 1, 5, 5)])
    words = r"rois.zip holds no areas, only 1 \(line, line\), 2 \(point, point\): draw round the cells"
    refuses(words, open_rois, path, frame_shape=(20, 20))
    path.unlink()
    roifile.roiwrite(path, [square, imagej("OVAL", 30, 30, 40, 40)])
    refuses("ROI 2 of rois.zip lies outside the image", open_rois, path, frame_shape=(20, 20))
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:60], whole[:-30]):
        path.write_bytes(content)
        refuses("rois.zip is damaged or holds no ImageJ ROIs", open_rois, path, frame_shape=(20, 20))
    (tmp_path / "a.roi").write_bytes(square.tobytes()[:50])
    refuses("a.roi is damaged", open_rois, tmp_path / "a.roi", frame_shape=(20, 20))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", b"")
    refuses("There are no ROIs in rois.zip", open_rois, path, frame_shape=(20, 20))
    (tmp_path / "rois.txt").write_text("1 2 3")
    refuses("rois.txt holds no ROIs: choose a folder of suite2p", open_rois, tmp_path / "rois.txt")


def test_label_images(tmp_path: Path) -> None:
    labels = np.zeros((9, 12), np.uint16)
    labels[2:4, 3:9], labels[6, 1:4] = 7, 300
    tifffile.imwrite(tmp_path / "labels.tif", labels, compression="zlib")
    np.save(tmp_path / "labels.npy", labels)
    expected = RoiSet.from_labels(labels)
    for name in ("labels.tif", "labels.npy"):
        rois = open_rois(tmp_path / name, frame_shape=(9, 12))
        assert (rois.ids.tolist(), rois.provenance) == ([7, 300], name)
        np.testing.assert_array_equal(rois.footprints.toarray(), expected.footprints.toarray())
        refuses("belong to frames of 9 × 12", open_rois, tmp_path / name, frame_shape=(12, 9))
    tifffile.imwrite(tmp_path / "labels.tif", np.stack([labels] * 5))
    refuses("is no image of labels: choose a file of one image", open_rois, tmp_path / "labels.tif")
    np.save(tmp_path / "labels.npy", np.ones((3, 4)))
    refuses("is no image of labels", open_rois, tmp_path / "labels.npy")


def cellpose(path: Path, image: Any, **more: Any) -> Path:
    """Save what Cellpose does beside a picture."""
    saved = {
        "outlines": image > 1, "masks": image, "chan_choose": [0, 0], "ismanual": np.zeros(2, bool), "model_path": 0,
        "filename": "mean.tif", "flows": [np.zeros((3, 9, 12), np.uint8), np.zeros((9, 12)), [], None], "diameter": 3.0,
        "normalize_params": {"lowhigh": None, "percentile": [1.0, 99.0]},
    }  # fmt: skip
    np.save(path, saved | more, allow_pickle=True)  # type: ignore[arg-type] # it takes a dictionary
    return path


def test_masks_of_cellpose(tmp_path: Path) -> None:
    labels = np.zeros((9, 12), np.uint16)
    labels[2:4, 3:9], labels[6, 1:4] = 1, 2
    path = cellpose(tmp_path / "mean_seg.npy", labels)
    rois = open_rois(path, frame_shape=(9, 12))
    assert (rois.ids.tolist(), rois.provenance) == ([1, 2], "mean_seg.npy")
    np.testing.assert_array_equal(rois.footprints.toarray(), RoiSet.from_labels(labels).footprints.toarray())
    assert open_rois(cellpose(path, labels[None])).ids.tolist() == [1, 2]
    refuses("holds masks of several planes", open_rois, cellpose(path, np.stack([labels] * 3)))
    refuses("holds no masks of Cellpose", open_rois, cellpose(path, labels, masks=None))
    refuses("belong to frames of 9 × 12", open_rois, cellpose(path, labels), frame_shape=(12, 9))
    refuses(
        "asks for builtins.print, which could run code",
        open_rois,
        cellpose(path, labels, flows=Runs(print, "x")),
    )
    cellpose(path, labels)
    assert len(damaged([path], lambda: open_rois(path))) > 50


def test_real_suite2p(data_folder: Path) -> None:
    rois = open_rois(data_folder / "suite2p_plane0", frame_shape=(608, 608))
    assert len(rois) == 219
    assert rois.columns["iscell"].shape == (219,)
    stat = np.load(data_folder / "suite2p_plane0" / "stat.npy", allow_pickle=True)  # known to be harmless
    for centre, one in zip(rois.centres, stat, strict=True):
        assert one["ypix"].min() <= centre[0] <= one["ypix"].max()
        assert one["xpix"].min() <= centre[1] <= one["xpix"].max()
    stubs = open_rois(data_folder / "formats" / "suite2p")
    assert (len(stubs), stubs.frame_shape) == (15, (128, 128))


def test_real_imagej(data_folder: Path, fissa_movie_paths: list[Path]) -> None:
    movie = open_movie(fissa_movie_paths[0])
    rois = open_rois(data_folder / "fissa" / "rois.zip", frame_shape=movie.frame_shape)
    assert rois.columns["name"].tolist() == ["01", "02", "03", "04"]
    assert rois.provenance == "rois.zip"
    corners = [one.coordinates() for one in roifile.roiread(data_folder / "fissa" / "rois.zip")]
    for pixels, (x, y) in zip(
        np.diff(rois.footprints.indptr), (c.T.astype(float) for c in corners), strict=True
    ):
        area = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
        assert abs(pixels - area) < 0.05 * area
