"""``calcdyn influence``, from a movie and its ROIs to a folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from roifile import ImagejRoi, roiwrite

from commands import calcdyn, refused
from napari_calcdyn.jobs.result_folder import RESULTS
from napari_calcdyn.simulate.movie import simulate_movie


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a movie and the outlines of its cells."""
    folder = tmp_path_factory.mktemp("recording")
    simulated = simulate_movie(frames=200, height=48, width=48, dynamic=3, silent=1, flicker=1, seed=2)
    simulated.save(folder)
    boxes = [np.argwhere(simulated.labels == number)[:, ::-1] for number in range(1, 6)]
    corners = [np.array([box.min(0), [box.max(0)[0] + 1, box.min(0)[1]], box.max(0) + 1]) for box in boxes]
    roiwrite(folder / "rois.zip", [ImagejRoi.frompoints(points.astype(float)) for points in corners])
    return folder


def test_it_writes_a_table_a_graph_and_a_picture(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "influence"
    arguments = ("--rois", recording / "rois.zip", "--preset", "quick", "--steps", 30, "--surrogates", 39)
    assert calcdyn(monkeypatch, "influence", recording / "movie.tif", *arguments, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(RESULTS["influence"])
    found = json.loads((out / "influence.json").read_text())
    with (out / "influence.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert found["rois"] == 5
    assert found["surrogates"] == 39
    assert len(rows) == 20
    assert sum(float(row["p_value"]) <= 0.05 for row in rows) == found["edges"]
    assert f"{found['edges']} connection" in capsys.readouterr().out


def test_rois_of_another_recording_are_refused(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "small.npy", np.random.default_rng(0).normal(100, 9, (60, 16, 16)).astype(np.float32))
    refused(
        monkeypatch,
        capsys,
        *("influence", tmp_path / "small.npy", "--rois", recording / "rois.zip", "--out", tmp_path / "out"),
        words="lies outside the image (16 × 16 pixels): delete it or draw it again",
    )
    assert not (tmp_path / "out").exists()
