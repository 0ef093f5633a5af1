"""Results in NWB files, new ones or those of a lab."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, writing

from .results import Results

if TYPE_CHECKING:
    from pynwb import NWBFile

_LAB = "Results of napari-calcdyn; when the recording was made is not known."


def write_nwb(
    file: Path,
    results: Results,
    start: datetime | None = None,
    subject: Mapping[str, str] | None = None,
    brain_area: str | None = None,
) -> None:
    """Write results into an NWB file.

    Parameters
    ----------
    file : Path
        Made, or added to if it is there. A file that is there is copied, the copy is added to and read again, and then
        takes its place; so it stays as it was where anything goes wrong.
    results : Results
        From `read_results`. Added a second time, they get names that end in ``_2``.
    start : datetime, optional
        When the recording began, for a new file; by default when its file was last changed, or else when the results
        were made.
    subject : mapping of str to str, optional
        For a new file: ``subject_id``, ``species`` (in Latin), ``sex`` (M, F, O or U) and ``age`` (as in P90D) of the
        animal, as far as they are known.
    brain_area : str, optional
        Where in the brain the recording was made, best as the atlas of the animal calls it, such as ``VISp``. The area
        of an imaging plane that is in the file already stays.

    Raises
    ------
    InputError
        If pynwb is not installed, the frame rate is not known, the file is no NWB file, or it cannot be written.
    """
    try:
        import pynwb  # noqa: F401
    except ImportError as error:
        raise InputError('Writing NWB needs pynwb: pip install "napari-calcdyn[formats]".') from error
    timed = results.latents is not None or results.traces is not None
    if timed and not results.frame_rate:
        raise InputError(
            "NWB needs the time of each sample, and the recording does not say it: give --frame-rate."
        )

    from .nwb_content import add_results

    with writing(file.parent), replacing(file) as beside:
        with _opened(file, beside, results, start, subject or {}, brain_area) as nwb:
            add_results(nwb, results, brain_area)
        with _reading(beside):
            pass


@contextmanager
def _opened(
    file: Path,
    beside: Path,
    results: Results,
    start: datetime | None,
    subject: Mapping[str, str],
    brain_area: str | None,
) -> Iterator[NWBFile]:
    """Yield a new NWB file, or a copy of the one that is there, and write it at the end."""
    from pynwb import NWBHDF5IO

    from .nwb_plane import add_movie

    if not file.exists():
        nwb = _new(results, start, subject)
        add_movie(nwb, results, file.parent, brain_area)
        yield nwb
        with NWBHDF5IO(beside, "w") as io:
            io.write(nwb)
        return
    with _reading(file):
        pass
    shutil.copyfile(file, beside)
    with NWBHDF5IO(beside, "r+") as io:
        nwb = io.read()
        yield nwb
        io.write(nwb)


@contextmanager
def _reading(file: Path) -> Iterator[NWBFile]:
    from pynwb import NWBHDF5IO

    try:
        with NWBHDF5IO(file, "r") as io:
            yield io.read()
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(f"{file.name} is no NWB file that can be read: choose another one.") from error


def _new(results: Results, start: datetime | None, subject: Mapping[str, str]) -> NWBFile:
    from pynwb import NWBFile
    from pynwb.file import Subject

    made = results.about["provenance"]
    when = start or _changed(made) or datetime.fromisoformat(made["began"])
    return NWBFile(
        session_description=f"{results.movie}. {_LAB if start is None else 'Results of napari-calcdyn.'}",
        identifier=str(uuid.uuid4()),
        session_start_time=when if when.tzinfo else when.astimezone(),
        subject=Subject(**subject) if subject else None,
        keywords=["calcium imaging", "vector autoregression"],
    )


def _changed(made: dict[str, Any]) -> datetime | None:
    """Return when the first file of the recording was last changed, None where there is none."""
    for given in made["inputs"]:
        for it in given.get("files", ()):
            if isinstance(it, list):  # path, size, time of change in ns
                return datetime.fromtimestamp(it[2] / 1e9).astimezone()
    return None
