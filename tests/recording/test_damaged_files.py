"""Damaged files of those formats whose own tests do not damage any."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import tifffile

from damage import damaged, ends
from napari_calcdyn.recording import RoiSet, open_behaviour, open_movie, open_rois
from napari_calcdyn.recording.rois.saved import save_rois
from napari_calcdyn.recording.traces.columns import open_columns

LABELS = np.zeros((20, 24), np.uint16)
LABELS[3:8, 4:9], LABELS[12:15, 10:20] = 1, 2


def test_saved_rois(tmp_path: Path) -> None:
    path = tmp_path / "rois.npz"
    save_rois(path, RoiSet.from_labels(LABELS))
    damaged([path], lambda: open_rois(path))


def test_label_images(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", LABELS, compression="zlib")
    np.save(tmp_path / "a.npy", LABELS)
    for name in ("a.tif", "a.npy"):
        damaged([tmp_path / name], lambda name=name: open_rois(tmp_path / name))  # type: ignore[misc]


def test_tables_of_behaviour_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    dates = [f"2026-01-01T10:00:{at:02d}.5Z,{at},True,left" for at in range(20)]
    path.write_text("\n".join(["time,speed,licks,side", *dates]), encoding="utf-8")
    damaged([path], lambda: open_behaviour(path, 20, frame_rate=1.0))
    path.write_text(
        "\n".join(["roi_id,depth,kind", *(f"{at},{at / 3},a" for at in range(9))]), encoding="utf-8"
    )
    damaged([path], lambda: open_columns(path, np.arange(9)))


def test_real_bruker(tmp_path: Path, data_folder: Path) -> None:
    [source] = (data_folder / "formats" / "bruker").iterdir()
    folder = shutil.copytree(source, tmp_path / "bruker")
    files = sorted(folder.glob("*.xml")) * 3 + sorted(folder.glob("*.tif"))[:1]
    damaged(files, lambda: ends(open_movie(folder)))
