"""The report of a problem: what it says, and that it names no file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

from napari_calcdyn.gui.background.errors import described, forget_errors, last_errors, note_error
from napari_calcdyn.gui.background.job import Job
from napari_calcdyn.gui.background.private import HIDDEN, names_here, without_names
from napari_calcdyn.gui.help.window import help_window
from napari_calcdyn.gui.recording.recordings import open_recording
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.recording import InputError


@pytest.fixture(autouse=True)
def no_errors_yet() -> Iterator[None]:
    forget_errors()
    yield
    forget_errors()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that names a person, with a space."""
    monkeypatch.setattr(Path, "home", lambda: Path("/home/jane doe"))
    return Path.home()


@pytest.mark.parametrize(
    "message",
    [
        "[Errno 2] No such file or directory: '/home/jane doe/Miller day 3.tif'",
        "/home/jane doe/Miller day 3.tif could not be read",
        "/home/jane doe/Miller day 3: it is empty",
        r"C:\Users\jane doe\Miller day 3.tif could not be read",
        r"\\server\jane doe\Miller.h5 is damaged",
        "the file ~/Miller.csv has 3 columns",
        "file:///home/jane%20doe/Miller.csv",
        "jane doe/Miller day 3.tif and jane doe/Miller.csv differ",
        "“Miller.sbx” ended early",
        "Miller.nwb: no movie",
        "cannot open Miller_2.ome.tif: damaged",
        "the account jane doe may not write",
    ],
)
def test_names_are_taken_out_of_a_message(message: str, home: Path) -> None:
    told = without_names(message, names_here())
    assert not re.search("jane|doe|miller", told, re.IGNORECASE), told
    assert HIDDEN in told


@pytest.mark.parametrize(
    "message",
    [
        "operands could not be broadcast together with shapes (3,4) (5,)",
        "module 'numpy.linalg' has no attribute 'x'",
        "The order is 3: at most 3/4 of 1.5 frames, choose less.",
        "'latents'",
    ],
)
def test_other_messages_stay_as_they_are(message: str, home: Path) -> None:
    assert without_names(message, names_here()) == message


def test_a_name_with_spaces_is_known_from_the_variables_of_the_functions(home: Path) -> None:
    def read(path: Path) -> None:
        raise InputError(f"{path.name} and {path.stem} have no frames: choose another one.")

    def reading(files: list[str]) -> None:
        try:
            read(home / files[0])
        except InputError as error:
            raise RuntimeError(f"{files[0]} failed") from error

    with pytest.raises(RuntimeError) as caught:
        reading(["Miller day 3.tif"])
    told = described(caught.value)
    assert not re.search("jane|doe|miller|day 3", told, re.IGNORECASE), told
    assert "after InputError: ‹name› and ‹name› have no frames: choose another one." in told
    assert f"  {__name__}, line " in told
    assert "reading" in told
    assert str(Path(__file__).parent) not in told


def test_the_last_errors_of_jobs_are_kept_and_no_more_than_five(qtbot: Any) -> None:
    def fail(report: Any, stop: Any) -> None:
        raise ZeroDivisionError("one by zero")

    job = Job("Failing", fail)
    heard: list[str] = []
    job.failed.connect(heard.append)
    job.start()
    qtbot.waitUntil(lambda: bool(heard), timeout=5000)
    assert "Press ? in the head of this panel" in heard[0]
    (told,) = last_errors()
    assert "ZeroDivisionError: one by zero" in told
    assert "napari_calcdyn.gui.background.job, line " in told
    notification_manager.records.clear()
    for number in range(7):
        note_error(ValueError(str(number)))
        note_error(ValueError(str(number)))
    assert [it.split()[-1] for it in last_errors()] == list("23456")


def test_the_report_is_copied_shown_and_names_no_file(
    docks: Any, viewer: Any, tmp_path: Path, movie_array: np.ndarray, qtbot: Any, home: Path
) -> None:
    recording, dynamics = docks
    session = session_of(viewer)
    viewer.layers.clear()
    folder = tmp_path / "Miller data"
    folder.mkdir()
    np.save(folder / "Miller day 3.npy", movie_array)
    (folder / "Miller day 4.tif").write_bytes(b"no TIFF")
    open_recording(session, folder / "Miller day 3.npy")
    qtbot.waitUntil(lambda: session.recording.movie is not None, timeout=10_000)
    open_recording(session, folder / "Miller day 4.tif")
    qtbot.waitUntil(lambda: bool(last_errors()), timeout=10_000)
    dynamics.model.preset.setCurrentText("quick")

    recording.help.click()
    window = help_window(session)
    window.report.click()
    qtbot.waitUntil(lambda: "Versions" in QApplication.clipboard().text(), timeout=60_000)
    text = QApplication.clipboard().text()
    assert text.splitlines()[0] == "## Versions"
    for name in ("napari-calcdyn", "napari", "torch", "numpy", "Qt", "Python", "system", "device"):
        assert re.search(rf"^{name}: .*\w", text, re.MULTILINE), name
    assert re.search(r"\(40, 24, 32\) uint16", text)
    assert '"preset": "quick"' in text
    assert "InputError: ‹name›" in text
    assert "napari_calcdyn.recording." in text
    assert not re.search("miller|jane|doe|day 3", text, re.IGNORECASE), text
    assert str(tmp_path) not in text
    shown = window.browser.toPlainText()
    assert "copied to the clipboard" in shown
    assert "(40, 24, 32) uint16" in shown
    window.back.click()
    assert window.browser.source().fileName() == "recording.md"
