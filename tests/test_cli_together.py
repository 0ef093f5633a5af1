"""``calcdyn run --together``: the page about it runs as written, and what comes out of it fits together."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile

from commands import calcdyn, refused
from napari_calcdyn.jobs import unfinished
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.quality import correct_movies
from napari_calcdyn.recording.ranges import GAP

PAGE = Path(__file__).parents[1] / "docs" / "together.md"
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
FAST = ("--latents", 16, "--steps", 20, "--device", "cpu")


# Some 15 s.
@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every block of the page was run; the first one only says how the command looks."""
    place = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for kind, block in BLOCKS[1:]:
            if kind == "python":
                exec(block.replace('preset="quick"', 'preset="quick", steps=10, latents=16'), {})
                continue
            for line in block.strip().splitlines():
                _, *words = shlex.split(line)
                more = FAST if words[0] == "run" else ("--permutations", 19) if words[0] == "compare" else ()
                assert calcdyn(patch, *words, *more) == 0, line
    return place


def test_each_recording_has_its_errors_and_maps(folder: Path) -> None:
    metrics = json.loads((folder / "trials" / "metrics.json").read_text())
    assert metrics["frames"] == 360
    each = metrics["recordings"]
    assert [it["name"] for it in each] == ["trial1.tif", "trial2.tif", "trial3.tif"]
    assert [it["start"] for it in each] == [0, 120 + GAP, 240 + 2 * GAP]
    # as many frames of each are held out, so that the error on all is the mean
    mean = np.mean([it["reconstruction_error"] for it in each])
    assert metrics["reconstruction_error"] == pytest.approx(mean, rel=1e-4)
    assert all(it["latent_prediction_error"] > 0 for it in each)
    assert [Path(it["files"][0][0]).name for it in metrics["provenance"]["inputs"]] == [
        it["name"] for it in each
    ]
    latents = np.load(folder / "trials" / "latents.npy")
    whole = np.isfinite(latents).all(1)
    np.testing.assert_array_equal(np.flatnonzero(~whole), [*range(120, 125), *range(245, 250)])
    common = tifffile.imread(folder / "trials" / "contribution_explained.tif")
    maps = tifffile.imread(folder / "trials" / "by_recording" / "explained.tif")
    assert maps.shape == (3, *common.shape)
    both = np.isfinite(common)
    np.testing.assert_array_equal(both, np.isfinite(maps).all(0))
    for image in maps:
        assert np.corrcoef(image[both], common[both])[0, 1] > 0.6
    # the recordings lie on top of each other: no map has an edge that another has not
    assert metrics["corrections"] == ["motion"]


def test_two_of_them_are_compared_without_training(folder: Path) -> None:
    found = json.loads((folder / "first-and-third" / "comparison.json").read_text())
    assert 0 < found["p_value"] <= 1
    assert [Path(it).name for it in found["movies"]] == ["trial1.tif", "trial3.tif"]
    assert found["corrections"] == ["motion"]


def test_recordings_that_do_not_belong_together_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.tif"
    tifffile.imwrite(other, np.random.default_rng(0).integers(0, 99, (50, 32, 40)).astype(np.uint16))
    out = tmp_path / "out"
    trial = folder / "trial1.tif"
    refused(
        monkeypatch,
        capsys,
        "run",
        trial,
        other,
        "--together",
        "--out",
        out,
        words="choose recordings of one field",
    )
    refused(monkeypatch, capsys, "run", trial, "--together", "--out", out, words="--together needs several")
    assert not out.exists()


def test_a_run_that_goes_on_checks_none_of_them_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    still = rng.random((48, 48)) * 200
    movies = [
        Movie.from_array(np.roll(still + rng.random((60, 48, 48)), (shift, 0), (1, 2)).astype(np.float32))
        for shift in (0, 3)
    ]
    run = unfinished.described(movies[0], VARAutoencoderConfig(), None, "cpu", 0)
    kept = unfinished.UnfinishedRun(tmp_path, run)
    first = kept.corrected(movies, correct_movies)
    again = kept.corrected(movies, lambda _: pytest.fail("it was checked again"))
    for one, other in zip(first, again, strict=True):
        assert str(one.corrections) == str(other.corrections)
        np.testing.assert_array_equal(one.frames(0, 9), other.frames(0, 9))
    assert "motion" in str(first[1].corrections)
