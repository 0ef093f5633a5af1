"""The promises of docs/architecture.md that no single module can keep."""

from __future__ import annotations

import ast
import functools
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import napari_calcdyn

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VIEWER = {"napari", "qtpy", "PyQt5", "PyQt6", "PySide6", "magicgui", "superqt", "pyqtgraph"}
# From the lowest floor to the highest in one interpreter: what a floor has loaded is there on the next one too.
IMPORT_FLOORS = """
import importlib, json, pkgutil, sys
loaded = {}
for floor in sys.argv[1:]:
    package = importlib.import_module(f"napari_calcdyn.{floor}")
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    loaded[floor] = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps(loaded))
"""
distributions = functools.cache(metadata.packages_distributions)  # reads the files of every package


def python(code: str, *arguments: str) -> str:
    """Return what a fresh interpreter prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def requirements() -> dict[str, Requirement]:
    """Everything that pyproject.toml asks for, extras included, by canonical name."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    wanted = [Requirement(line) for lines in lists for line in lines]
    return {canonicalize_name(need.name): need for need in wanted if need.name != PROJECT["name"]}


def pins() -> dict[str, str]:
    """The versions in constraints.txt, by canonical name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def imported(path: Path) -> set[str]:
    """The top-level modules that a file names in its absolute imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def test_importing_the_package_is_immediate() -> None:
    code = "import time; a = time.process_time(); import napari_calcdyn; print(time.process_time() - a)"
    fastest = min(float(python(code)) for _ in range(5))
    assert fastest <= 0.050


def test_importing_the_package_loads_no_library() -> None:
    code = "import json, sys; import napari_calcdyn; print(json.dumps(sorted(sys.modules)))"
    assert not {"numpy", "torch", "dask", "pydantic", "h5py", "zarr", "napari", "qtpy"} & set(
        json.loads(python(code))
    )


ABSENT = {
    "recording": VIEWER | {"torch", "h5py", "zarr"},
    "simulate": VIEWER | {"torch"},
    "models": VIEWER,
    "analysis": VIEWER,
}


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What is loaded after each floor and those below it."""
    return json.loads(python(IMPORT_FLOORS, *ABSENT))


@pytest.mark.parametrize(("floor", "absent"), ABSENT.items())
def test_floor_does_not_load(floor: str, absent: set[str], loaded: dict[str, list[str]]) -> None:
    assert not absent & set(loaded[floor])


def test_manifest_at_the_top_is_the_one_in_the_package() -> None:
    assert (ROOT / "napari.yaml").resolve() == ROOT / "src" / "napari_calcdyn" / "napari.yaml"


def test_manifest_is_valid_and_every_command_can_be_imported() -> None:
    from npe2 import PluginManifest

    manifest = PluginManifest.from_distribution(PROJECT["name"])
    manifest.validate_imports()
    assert manifest.contributions.widgets


@pytest.mark.parametrize(
    ("files", "extras"),
    [
        ("src/napari_calcdyn/[!g]*/**/*.py", ["formats", "cluster"]),
        ("src/napari_calcdyn/*.py", []),
        ("src/napari_calcdyn/gui/**/*.py", ["gui"]),
        ("tests/**/*.py", ["gui", "test", "lint", "formats", "cluster"]),
        ("benchmarks/*.py", ["gui", "bench"]),
    ],
)
def test_everything_imported_is_a_stated_requirement(files: str, extras: list[str]) -> None:
    lines = [
        *PROJECT["dependencies"],
        *(line for e in extras for line in PROJECT["optional-dependencies"][e]),
    ]
    stated = {canonicalize_name(Requirement(line).name) for line in lines} | {
        canonicalize_name(PROJECT["name"])
    }
    paths = list(ROOT.glob(files))
    beside = sys.stdlib_module_names | {path.stem for path in paths}
    unstated = {
        (path.name, module)
        for path in paths
        for module in imported(path) - beside
        if not stated & {canonicalize_name(name) for name in distributions().get(module, [module])}
    }
    assert paths
    assert unstated == set()


def test_every_requirement_has_an_exact_version_that_it_accepts() -> None:
    pinned = pins()
    refused = {
        name: pinned.get(name)
        for name, need in requirements().items()
        if name not in pinned or not need.specifier.contains(pinned[name])
    }
    assert refused == {}


def test_qt_is_never_a_base_dependency() -> None:
    base = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert not base & {canonicalize_name(name) for name in VIEWER}


def test_every_requirement_has_its_reason_in_the_docs() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    assert [name for name in requirements() if not re.search(rf"\b{re.escape(name)}\b", page)] == []


def test_version_is_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == napari_calcdyn.__version__
    assert metadata.version(PROJECT["name"]) == napari_calcdyn.__version__


def test_settings_page_is_what_the_config_says() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "settings_reference.py"))["page"]()
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == stored, "run: python docs/settings_reference.py"


def test_settings_page_has_every_setting_of_every_model() -> None:
    import_module("napari_calcdyn.models.avae.config")
    import_module("napari_calcdyn.models.kinds.config")
    import_module("napari_calcdyn.models.var_autoencoder.config")
    models = import_module("napari_calcdyn.models.settings").Settings.__subclasses__()
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"fields of `(\w+)`\.(.*?)(?=\n## |\Z)", stored, re.DOTALL))
    assert (
        sections.keys()
        == {model.__name__ for model in models}
        == {
            *("AVAEConfig", "KindConfig", "VARAutoencoderConfig"),
        }
    )
    for model in models:
        named = re.findall(r"^\| \*\*.+?<br>`(\w+)` \|", sections[model.__name__], re.MULTILINE)
        assert sorted(named) == sorted(model.model_fields)


def test_architecture_page_names_places_that_exist() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(
        re.findall(r"`((?:recording|simulate|models|analysis|gui|cli|docs|tests|benchmarks)/[^`]*)`", page)
    )
    missing = [
        place
        for place in named
        if not any(list(base.glob(place)) for base in (ROOT, ROOT / "src" / "napari_calcdyn"))
    ]
    assert len(named) > 20
    assert missing == []


def test_every_supported_python_is_tested_and_looked_for() -> None:
    stated = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: 3." in line}
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    set_up = (ROOT / "scripts" / "set-up.sh").read_text(encoding="utf-8")
    assert set(re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow)[1])) == stated
    assert set(re.findall(r"python(3\.\d+)", re.search(r"PYTHON:-(.*)\}; do", set_up)[1])) == stated
    assert min(stated) == PROJECT["requires-python"].removeprefix(">=")


def test_conda_recipe_asks_for_what_the_project_asks_for() -> None:
    names = {
        "dask": "dask-core",
        "matplotlib": "matplotlib-base",
        "napari": "napari-base",
        "torch": "pytorch",
    }
    needs = map(Requirement, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["gui"])
    recipe = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    run = re.search(r"\n  run:\n((?:    - .*\n)+)", recipe)[1]
    assert set(re.findall(r"    - (.*)\n", run)) == {
        "python >=${{ python_min }}",
        *(f"{names.get(need.name, need.name)} {need.specifier}" for need in needs),
    }
    assert re.search(r'version: "(.*)"\n  python_min: "(.*)"', recipe).groups() == (
        napari_calcdyn.__version__,
        PROJECT["requires-python"].removeprefix(">="),
    )


def test_lowest_versions_are_those_of_every_requirement() -> None:
    lowest = runpy.run_path(str(ROOT / "scripts" / "lowest.py"))["lowest"]
    expected = {
        name: f">={line.partition('==')[2]}"
        for line in lowest()
        for name in [canonicalize_name(line.partition("==")[0])]
    }
    assert expected == {name: str(need.specifier) for name, need in requirements().items()}
    assert "torch==2.13.0" in lowest("torch==2.13.0")
    assert len(lowest("torch==2.13.0")) == len(lowest())


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    package = tmp_path / "src" / "napari_calcdyn"
    shutil.copytree(ROOT / "src" / "napari_calcdyn", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "PYTHONSAFEPATH": "1"}

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )

    assert check().returncode == 0
    with (package / "recording" / "rois" / "roi_set.py").open("a", encoding="utf-8") as file:
        file.write(
            "\n\nfrom napari_calcdyn.recording.traces.traces import Traces  # traces know ROIs already\n"
        )
    found = check()
    assert found.returncode != 0
    assert "No cycles are allowed in napari_calcdyn.recording" in found.stdout
