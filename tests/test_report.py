"""The page of a result folder: what it says, and that it needs nothing but itself."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import tifffile
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure

from commands import calcdyn
from napari_calcdyn.analysis.influence import Influence
from napari_calcdyn.analysis.maps import ContributionMaps, SourceMaps
from napari_calcdyn.jobs.overviews.driven import driven_panels
from napari_calcdyn.jobs.overviews.map_panel import map_panel
from napari_calcdyn.jobs.overviews.panels import Panel, training_panel
from napari_calcdyn.jobs.provenance import fingerprint, made_from, provenance
from napari_calcdyn.jobs.report.citation import AVAE_PAPER, SOFTWARE, VAR_PAPER, Paper
from napari_calcdyn.jobs.report.page import Report, write_report
from napari_calcdyn.jobs.report.pictures import as_svg
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Movie, RoiSet, open_movie
from napari_calcdyn.simulate.movie import simulate_movie

ROOT = Path(__file__).resolve().parent.parent
NAME = "<script>alert('x')&.tif"  # a name that must not become part of the page
QUICK = ("--preset", "quick", "--steps", 10, "--device", "cpu", "--seed", 4)
ADDRESSES = {"src", "href", "data", "poster", "action", "srcset", "background"}


class Page(HTMLParser):
    """Every element of a page with its attributes, the pictures, and the text outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._silent = "", 0
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self._silent += tag in ("style", "svg")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("style", "svg")

    def handle_data(self, data: str) -> None:
        self.text += data if not self._silent else ""

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("movie") / NAME
    simulated = simulate_movie(frames=160, height=48, width=48, dynamic=8, silent=2, flicker=2, seed=2)
    tifffile.imwrite(
        path,
        simulated.movie,
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "TYX", "unit": "um", "fps": 8},
    )
    tifffile.imwrite(path.with_name("labels.tif"), simulated.labels)
    return path


COMMANDS = {
    "run": ("metrics.json", ("run",), 8),
    "neurons": ("metrics.json", ("neurons", "--rois", "labels.tif", "--epochs", 2), 5),
    "influence": ("influence.json", ("influence", "--rois", "labels.tif", "--surrogates", 19), 2),
    "compare": ("comparison.json", ("compare", "--a", ":80", "--b", "80:", "--permutations", 19), 6),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_page_needs_nothing_else_and_says_how_it_was_made(
    command: str, movie: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(movie.parent)
    metrics_file, (name, *options), pictures = COMMANDS[command]
    more = QUICK if command != "neurons" else (*QUICK[:2], *QUICK[4:])
    assert calcdyn(monkeypatch, name, NAME, *options, *more, "--out", tmp_path) == 0
    content = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(content)

    assert len(content) < 15e6
    assert page.count("script") == page.count("link") == page.count("iframe") == 0
    for tag, attributes in page.elements:
        for at, value in attributes.items():
            if at.rpartition(":")[2] in ADDRESSES and not (value or "").startswith(("data:image/png;", "#")):
                assert (tag, at) == ("a", "href")
                assert value in (AVAE_PAPER.link, VAR_PAPER.link)
            assert not at.startswith("on")
    assert not re.search(r"@import|@font-face|url\((?!#)", content)
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert page.count("figure") == pictures
    assert page.count("svg") == pictures - page.text.count("the map would be black")
    assert len(names) == len(set(names))

    made = json.loads((tmp_path / metrics_file).read_text(encoding="utf-8"))["provenance"]
    assert made["command_line"].startswith(f"calcdyn {command} ")
    assert made["seed"] == 4
    assert made["inputs"][0]["sha256"]
    for said in (
        NAME,
        made["command_line"],
        made["inputs"][0]["sha256"],
        made["versions"]["torch"],
        SOFTWARE,
    ):
        assert said in page.text
    for setting in made["settings"]:
        assert setting in page.text


def test_findings_are_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = simulate_movie(frames=120, height=24, width=40, dynamic=3, silent=1, flicker=1).movie.copy()
    pixels[50] = 0  # a blank frame
    tifffile.imwrite(tmp_path / "movie.tif", pixels, photometric="minisblack")
    out = tmp_path / "out"
    assert calcdyn(monkeypatch, "run", tmp_path / "movie.tif", *QUICK, "--out", out, "--correct", "none") == 0
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["findings"]
    text = Page((out / "report.html").read_text(encoding="utf-8")).text
    assert all(it in text for it in metrics["findings"])
    assert text.index("Found and not corrected") < text.index("Pictures")


def test_fingerprint_tells_a_changed_recording(movie: Path) -> None:
    before = fingerprint(open_movie(movie))
    assert (before["frame_rate"], before["pixel_size"], before["shape"]) == (8, [0.5, 0.5], [160, 48, 48])
    frames = open_movie(movie).frames(0, 160)
    same, other = Movie.from_array(frames), frames.copy()
    other[0, 0, 0] += 1
    assert fingerprint(same)["sha256"] == before["sha256"]
    assert fingerprint(Movie.from_array(other))["sha256"] != before["sha256"]
    about = {"provenance": {"inputs": [before]}}
    assert made_from(about, same)  # wherever its file is now
    assert not made_from(about, Movie.from_array(other))
    assert not made_from(about, Movie.from_array(frames[:100]))
    assert not made_from({"provenance": {"inputs": [before, before]}}, same)
    assert not made_from({}, same)


def test_what_would_be_black_is_said(tmp_path: Path) -> None:
    movie = Movie.from_array(np.random.default_rng(0).random((8, 20, 30), np.float32))
    labels = np.zeros((20, 30), np.int32)
    labels[2:6, 3:9], labels[12:17, 20:26] = 5, 8
    rois = RoiSet.from_labels(labels)
    explained, black = labels.astype(np.float32), np.zeros((20, 30), np.float32)
    maps = ContributionMaps(
        explained, explained, SourceMaps((0, 20, 30), lambda _: black), driven=black, driving=black
    )

    def panels(p_value: float, driven: float = 0) -> tuple[Panel, Panel]:
        p_values = np.array([[np.nan, 1], [p_value, np.nan]])  # from ROI 5 to ROI 8
        half = np.array([[[0, 0], [0.5, 0]]], np.float32)
        tested = Influence(rois.ids, rois.centres, half, half[0], p_values)
        return driven_panels(movie, rois, tested, replace(maps, driven=np.where(labels, driven, black)))

    write_report(tmp_path, Report("Dynamics", [], panels(1), [], provenance([movie], None), VAR_PAPER))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert (page.count("figure"), page.count("svg")) == (2, 0)
    assert page.text.count("No connection between ROIs passes the test at a family-wise p ≤ 0.05") == 2
    assert [it.picture for it in panels(1, driven=0.5)] == [True, False]  # not black, though it is chance
    driven, driving = panels(0.01)
    assert driven.picture
    assert driving.picture
    axes = Figure().subplots()
    driven.draw(axes.figure, axes)
    [outline] = [it for it in axes.collections if isinstance(it, QuadContourSet)]
    assert outline.get_paths()[0].get_extents().extents.tolist() == [19.5, 11.5, 25.5, 16.5]  # ROI 8


def test_all_learning_curves_are_seen() -> None:
    losses = {"reconstruction": 0.4, "prediction": 3.0}
    [panel] = training_panel([Progress("Training", step, 3, losses) for step in range(3)])
    axes = Figure().subplots()
    panel.draw(axes.figure, axes)
    low, high = axes.get_ylim()
    assert low == 0
    assert high > 3


def test_large_maps_do_not_make_a_heavy_page() -> None:
    image = np.random.default_rng(0).random((2048, 2048), np.float32)  # what compresses worst
    movie = Movie.from_array(np.zeros((4, 2048, 2048), np.uint8))
    assert len(as_svg(map_panel("Map", "", image, movie, "counts"))) < 2e6


def test_citation_is_that_of_the_citation_file() -> None:
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'name: "{SOFTWARE}"' in cited
    references = cited.split("  - type: article\n")[1:]
    for paper, reference in zip((VAR_PAPER, AVAE_PAPER), references, strict=True):
        assert paper == paper_in(reference)
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"] in cited


def paper_in(reference: str) -> Paper:
    people = re.findall(r'family-names: "?([^",]+)"?, given-names: "?([^"}]+?)"? }', reference)
    initials = [
        (last, " ".join(part[0] + "." for part in first.replace(".", "").split())) for last, first in people
    ]
    return Paper(
        ", ".join(f"{last} {first}" for last, first in initials),
        re.search(r"year: (\d+)", reference)[1],
        re.search(r'title: "(.*)"', reference)[1],
        re.search(r"arXiv:([\d.]+)", reference)[1],
    )
