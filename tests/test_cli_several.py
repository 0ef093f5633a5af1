"""``calcdyn neurons`` with several inputs: one map, what it says of the conditions, and one sentence for bad input."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from commands import calcdyn, refused
from napari_calcdyn.analysis.neurons.shared_map import SharedMap
from napari_calcdyn.jobs.recordings import measured
from napari_calcdyn.jobs.result_folder import RESULTS

RATE = 10.0


@pytest.fixture(scope="module")
def dishes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four dishes whose neurons have large events in the first two and small ones in the others."""
    folder = tmp_path_factory.mktemp("dishes")
    paths = []
    for number, height in enumerate((8.0, 8.0, 4.0, 4.0)):
        rng = np.random.default_rng(number)
        kernel = np.exp(-np.arange(60) / 10)
        spikes = height * (rng.random((16, 240)) < 0.03)
        traces = [np.convolve(row, kernel)[:240] for row in spikes] + rng.normal(size=(16, 240))
        paths.append(folder / f"dish{number}" / "traces.npy")
        paths[-1].parent.mkdir()
        np.save(paths[-1], traces.astype(np.float32))
    return paths


def table(out: Path) -> list[dict[str, str]]:
    with (out / "neurons.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_map_of_several_and_a_later_recording_on_it(
    dishes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    both, later = tmp_path / "both", tmp_path / "later"
    labels = ("--label", "dish=1,2,3", "--label", "condition=large,large,small")
    rate = ("--frame-rate", RATE)
    assert calcdyn(monkeypatch, "neurons", *dishes[:3], *labels, *rate, "--latent", 4, "--out", both) == 0
    said = capsys.readouterr().out
    assert "48 neurons of 3 recordings are on one map." in said
    assert (
        "The condition is not compared: small has one dish, which says nothing of how dishes differ." in said
    )
    assert {path.name for path in both.iterdir()} == set(RESULTS["recordings"])
    rows = table(both)
    assert [row["recording"] for row in rows[::16]] == [f"dish{number}/traces.npy" for number in range(3)]
    assert [row["condition"] for row in rows[::16]] == ["large", "large", "small"]
    assert {"mu_4", "tsne_2", "cluster"} <= set(rows[0])

    add = ("--onto", both, "--label", "dish=4", "--label", "condition=small")
    assert calcdyn(monkeypatch, "neurons", dishes[3], *add, *rate, "--out", later) == 0
    said = capsys.readouterr().out
    assert "large (2 dishes) against small (2): p = 0.333, with the dish as the unit; so few dishes" in said
    assert "Neighbours in other dishes tell the condition of " in said
    assert table(later)[:48] == rows
    found = json.loads((later / "recordings.json").read_text(encoding="utf-8"))
    assert found["recordings"] == found["dishes"] == 4
    assert found["labels"]["condition"]["smallest_p"] == pytest.approx(1 / 3)
    assert 0 <= found["mixing"] <= 1.5
    assert len(found["provenance"]["inputs"]) == 1
    assert "with the dish as the unit" in (later / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("sizes", [(20, 2, 2, 2), (4, 2, 2, 2)])
def test_what_cannot_be_measured_is_said_and_the_rest_is_there(sizes: tuple[int, ...]) -> None:
    recording = np.repeat(np.arange(4), sizes)
    places = np.random.default_rng(0).normal(size=(len(recording), 2)).astype(np.float32)
    labels = {"condition": ("large", "large", "small", "small")}
    found = measured(SharedMap(tuple("abcd"), recording, recording, places, places, recording, labels))
    words = "there are 6 neurons outside the largest dish, and at least 10 are needed"
    assert found["labels"] == {"condition": {"not_compared": words}}
    assert (found["mixing"] is None) == (sum(sizes) == 10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "dish"), "write it as dish=1,2,3"),
        (("--label", "dish=1,,2"), "write it as dish=1,2,3"),
        (("--label", "dish=1"), "has 1 values for 2 inputs"),
        (("--label", "dish=1,2", "--label", "dish=1,2"), "is there twice"),
        (("--beta", 1), "--beta is a setting of the AVAE"),
        (("--preset", "quick"), "--preset is a setting of the AVAE"),
        (("--model", "somewhere"), "--model is for one input"),
        (("--mask", "somewhere"), "belongs to one input"),
        (("--onto", "nowhere"), "could not be read"),
        (("--onto", "nowhere", "--latent", 2), "leave out either --onto or the settings"),
    ],
)
def test_bad_options(
    options: tuple[object, ...],
    words: str,
    dishes: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    refused(monkeypatch, capsys, "neurons", *dishes[:2], *options, "--out", out, words=words)
    assert not out.exists()


def test_labels_are_for_several(
    dishes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "A label tells several recordings apart"
    refused(
        monkeypatch, capsys, "neurons", dishes[0], "--label", "dish=1", "--out", tmp_path / "out", words=words
    )
