"""What several folders of tests share."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Share the tests (-n auto) among as many processes as cores, up to four, because each takes up to 2 GB.

    Only where each has a screen of its own (see gui/conftest.py): a window takes the keyboard from all others.
    """
    own_screens = sys.platform == "linux" and shutil.which("Xvfb")
    return min(len(os.sched_getaffinity(0)), 4) if own_screens else 0


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several processes one thread."""
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # inherited by the processes that this one starts


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real recordings; CONTRIBUTING.md says which files belong there."""
    folder = os.environ.get("CALCDYN_TEST_DATA")
    if not folder:
        pytest.skip("CALCDYN_TEST_DATA is not set")
    path = Path(folder)
    assert path.is_dir(), f"CALCDYN_TEST_DATA is {folder}, which is not a folder"
    return path


@pytest.fixture(scope="session")
def mouse_movie_path(data_folder: Path) -> Path:
    """Two-photon, mouse, (500, 64, 64) int16."""
    return data_folder / "mouse" / "mouse_2p.tif"


@pytest.fixture(scope="session")
def fissa_movie_paths(data_folder: Path) -> list[Path]:
    """Two-photon, mouse V1, three trials of one field of view, each (288, 176, 156) uint16."""
    return sorted((data_folder / "fissa").glob("AVG_A*.tif"))
