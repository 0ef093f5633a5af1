"""What a report of a problem says: versions, the device, settings and the last errors, and no name of a file."""

from __future__ import annotations

import json
import os
import platform
from typing import TYPE_CHECKING

from napari_calcdyn.gui.background.errors import last_errors
from napari_calcdyn.gui.background.private import names_here, names_of, without_names
from napari_calcdyn.gui.forms.values import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_calcdyn.gui.session import Session

NEW_ISSUE = "https://github.com/napari-calcdyn/napari-calcdyn/issues/new"


def about_computer() -> str:
    """Return versions and device, a line each; it loads torch, so call it off the GUI thread."""
    import qtpy
    import torch

    from napari_calcdyn.jobs.provenance import versions
    from napari_calcdyn.models.devices import available_devices

    device = available_devices()[0]
    if device == "cuda":
        device = f"cuda, {torch.cuda.get_device_name()}"
    found = {
        **versions("napari-calcdyn", "napari", "npe2", "magicgui", "torch", "numpy", "pydantic", "zarr"),
        "Qt": f"{qtpy.QT_VERSION} ({qtpy.API_NAME})",
        "Python": platform.python_version(),
        "system": platform.platform(terse=True),
        "device": f"{device}, {os.cpu_count()} processor cores",
    }
    return "\n".join(f"{name}: {value}" for name, value in found.items())


def report_text(session: Session, computer: str) -> str:
    """Return the report; on the GUI thread, as it reads what panels show.

    Parameters
    ----------
    session : Session
        Of the viewer.
    computer : str
        Of `about_computer`.
    """
    settings = [
        f"{dock.topic}: {json.dumps(values_of(dock.own_settings()), ensure_ascii=False)}"
        for dock in session.panels
    ]
    known = [*names_here(), *_names(session)]
    errors = [without_names(it, known) for it in last_errors()]
    parts = {
        "Versions": computer,
        "Recording": _recording(session),
        "Settings of the panels": "\n".join(settings) or "no panel is open",
        "Last errors": "\n\n".join(errors) or "none",
    }
    return "\n\n".join(f"## {title}\n{text}" for title, text in parts.items()) + "\n"


def _recording(session: Session) -> str:
    movie, rois = session.recording.source, session.rois.loaded
    if movie is None:
        return "none"
    rate = "unknown frame rate" if movie.frame_rate is None else f"{movie.frame_rate:.6g} Hz"
    model = "with" if session.dynamics.model is not None else "without"
    several = f", {len(movie.parts)} recordings" if len(movie.parts) > 1 else ""
    return (
        f"{tuple(movie.shape)} {movie.dtype}, {rate}{several}, {0 if rois is None else len(rois)} ROIs, "
        f"{model} a model of the dynamics"
    )


def _names(session: Session) -> Iterator[str]:
    """Return what the user calls things: recordings, layers, and where they came from."""
    viewer = session.viewer
    for layer in viewer.layers if viewer is not None else ():
        yield layer.name
        if layer.source.path is not None:
            yield from names_of(layer.source.path)
    for movie in (session.recording.movie, session.recording.source):
        if movie is not None:
            yield movie.name
            if movie.path is not None:
                yield from names_of(movie.path)
    for path in (session.rois.path, session.recording.behaviour_path):
        if path is not None:
            yield from names_of(path)
