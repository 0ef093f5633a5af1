"""``calcdyn check`` and ``--correct``."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import matplotlib.image
import numpy as np
import pytest
import tifffile

from commands import calcdyn, refused
from napari_calcdyn.simulate import simulate_movie

KEYS = {
    "frames",
    "motion_rms_px",
    "motion_max_px",
    "brightness_trend",
    "brightness_flicker",
    "bad_frames",
    "masked_pixels",
    "line_shift_px",
    "interleaved",
    "snr",
    "cell_diameter_px",
    "findings",
}


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A movie that moves, with three blank frames."""
    folder = tmp_path_factory.mktemp("moving")
    truth = simulate_movie(frames=200, height=64, width=64, motion=1.0, seed=1)
    truth.movie[60:63] = 0
    truth.save(folder)
    return folder / "movie.tif"


def test_data_set_of_an_hdf5_file(
    moving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "movie.h5", tmp_path / "out"
    with h5py.File(path, "w") as file:
        file["moving"] = tifffile.imread(moving)
        file["other"] = file["moving"][:50]
    refused(monkeypatch, capsys, "check", path, "--out", out, words='dataset="/moving", dataset="/other"')
    assert calcdyn(monkeypatch, "check", path, "--out", out, "--dataset", "moving") == 0
    assert json.loads((out / "quality.json").read_text())["frames"] == 200
    refused(
        monkeypatch, capsys, "check", moving, "--out", out, "--dataset", "moving", words="is no HDF5 file"
    )


def test_axes_of_an_array(
    moving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "movie.npy", tmp_path / "out"
    np.save(path, np.ascontiguousarray(np.moveaxis(tifffile.imread(moving), 0, 2)))
    refused(monkeypatch, capsys, "check", path, "--out", out, words="along the last axis: give the axes YXT")
    assert calcdyn(monkeypatch, "check", path, "--out", out, "--axes", "yxt") == 0
    assert json.loads((out / "quality.json").read_text())["frames"] == 200


def test_check_says_what_is_wrong(
    moving: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = moving.parent / "check"
    assert calcdyn(monkeypatch, "check", moving, "--out", out) == 0
    said = capsys.readouterr().out
    assert "The picture moves" in said
    assert "3 frames are blank" in said
    assert "Corrected by default: motion, frames." in said
    found = json.loads((out / "quality.json").read_text())
    assert set(found) >= KEYS
    assert found["frames"] == 200
    assert found["bad_frames"] == [[60, 63, "blank"]]
    assert found["motion_rms_px"] > 1
    assert len(found["findings"]) >= 2
    assert matplotlib.image.imread(out / "quality.png").shape[1] > 1000


def run(movie: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *options: object) -> dict[str, object]:
    train = ("--preset", "quick", "--steps", "20", "--latents", "16", "--device", "cpu")
    more = train if "--model" not in options else ()
    assert calcdyn(monkeypatch, "run", movie, "--out", out, *more, *options) == 0
    metrics: dict[str, object] = json.loads((out / "metrics.json").read_text())
    return metrics


def test_what_is_found_is_corrected_and_said(
    moving: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = moving.parent / "auto"
    metrics = run(moving, out, monkeypatch)
    assert metrics["corrections"] == ["motion", "frames"]
    assert metrics["bad_frames"] == [[60, 63, "blank"]]
    assert metrics["masked_pixels"] > 0
    said = capsys.readouterr()
    assert "Corrected: motion (up to" in said.out
    assert "Warning" not in said.err
    assert np.isnan(np.load(out / "latents.npy")).all(1).nonzero()[0].tolist() == [60, 61, 62]
    assert np.isnan(tifffile.imread(out / "contribution_explained.tif")).sum() == metrics["masked_pixels"]
    applied = run(moving, moving.parent / "applied", monkeypatch, "--model", out / "model")
    assert applied["corrections"] == ["motion", "frames"]
    assert applied["bad_frames"] == [[60, 63, "blank"]]


def test_what_is_not_corrected_is_warned_of(
    moving: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = run(moving, moving.parent / "none", monkeypatch, "--correct", "none")
    assert (metrics["corrections"], metrics["bad_frames"], metrics["masked_pixels"]) == ([], [], 0)
    warnings = capsys.readouterr().err
    assert "Warning, not corrected: The picture moves" in warnings
    assert "3 frames are blank" in warnings
    metrics = run(moving, moving.parent / "frames", monkeypatch, "--correct", "frames")
    assert metrics["corrections"] == ["frames"]
    assert "The picture moves" in capsys.readouterr().err


def test_an_unknown_correction_is_refused(
    moving: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--out", moving.parent / "wrong", "--correct", "movement")
    refused(monkeypatch, capsys, "run", moving, *options, words="choose auto, none, or some of motion")
    traces = moving.parent / "traces.npy"
    np.save(traces, np.random.default_rng(0).random((12, 100)))
    options = ("--out", moving.parent / "wrong", "--correct", "motion")
    refused(monkeypatch, capsys, "neurons", traces, *options, words="Only a movie can be corrected")
