"""``calcdyn influence``, from a movie and its ROIs to a folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
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


def test_cells_are_found_where_there_are_no_rois(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("influence", recording / "movie.tif", "--rois", "found", "--preset", "quick", "--steps", 30)
    command = (*command, "--surrogates", 39, "--out", "out")
    assert calcdyn(monkeypatch, *command) == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == sorted((*RESULTS["influence"], "cells_found.tif"))
    cells = json.loads((out / "influence.json").read_text())["cells_found"]
    assert cells >= 3
    assert f"{cells} cells were found in the movie; see cells_found.tif." in capsys.readouterr().out
    with tifffile.TiffFile(out / "cells_found.tif") as file:
        labels = file.asarray()
    truth = simulate_movie(frames=200, height=48, width=48, dynamic=3, silent=1, flicker=1, seed=2).labels
    assert sorted(np.unique(labels)) == list(range(cells + 1))
    for cell in range(1, 4):  # each dynamic one is half covered by one that was found
        covering = labels[truth == cell]
        assert np.bincount(covering)[1:].max() > len(covering) / 2

    (tmp_path / "found").mkdir()  # a folder of that name wins
    refused(monkeypatch, capsys, *command, words="found holds no stat.npy")
    command = (*command[:3], recording / "rois.zip", *command[4:])  # whose results replace all of the first
    assert calcdyn(monkeypatch, *command) == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(RESULTS["influence"])
    assert json.loads((out / "influence.json").read_text())["cells_found"] is None


def test_a_movie_without_cells_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "noise.npy", np.random.default_rng(0).normal(100, 9, (90, 40, 40)).astype(np.float32))
    command = ("influence", tmp_path / "noise.npy", "--rois", "found", "--out", tmp_path / "out")
    refused(
        monkeypatch,
        capsys,
        *command,
        words="No cells were found in the movie, so there are no ROIs: draw them",
    )
    assert not (tmp_path / "out").exists()


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
