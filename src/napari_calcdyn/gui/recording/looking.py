"""A look at a recording before it is opened: data set, axes, channel and plane, and its picture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from magicgui.widgets import Container
from qtpy.QtWidgets import QWidget

from napari_calcdyn.gui.background.job import Report
from napari_calcdyn.gui.docks.message import breakable, duration
from napari_calcdyn.gui.forms.rows import in_rows
from napari_calcdyn.gui.opening.dialog import ImportDialog, Looking
from napari_calcdyn.gui.opening.folders import OpenedPath, remember_exchanged, was_exchanged
from napari_calcdyn.gui.opening.look import Look, with_open_rois, with_picture, with_rois
from napari_calcdyn.gui.session import Session
from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.traces.own import own_rois, traces_with

from .file_rows import FileRows, part_boxes
from .finding_out import find_out
from .opened import Choice, Opened, Question


def ask_about(
    session: Session, path: OpenedPath, found: Opened | Question, accept: Callable[[Choice], object]
) -> None:
    """Show the dialog for a recording.

    Parameters
    ----------
    session : Session
        Whose window shows it.
    path : str, Path or list of them
        As for `open_movie`.
    found : Opened or Question
        What is known of the file.
    accept : callable
        Called with what was chosen, when the user wants it opened.
    """
    rois = session.rois.loaded
    session.part(Looking).show(lambda parent: RecordingDialog(parent, path, found, accept, rois))


class RecordingDialog(ImportDialog):
    """What a file holds, and which part of it is the movie.

    Parameters
    ----------
    parent : QWidget
        The window that it belongs to.
    path : str, Path or list of them
        The file.
    found : Opened or Question
        What is known of it.
    accept : callable
        Called with what was chosen.
    rois : RoiSet, optional
        ROIs that are open, to be outlined where the file has none and its frames are of their size.
    """

    def __init__(
        self,
        parent: QWidget,
        path: OpenedPath,
        found: Opened | Question,
        accept: Callable[[Choice], object],
        rois: RoiSet | None = None,
    ) -> None:
        place = Path(path[0] if isinstance(path, list) else path)
        super().__init__(parent, f"Open {place.name}", was_exchanged(place), self._on_accept)
        self._path, self._then, self._found, self._rois = path, accept, found, rois
        self.file = FileRows(lambda dataset, axes: self._look(Choice(dataset=dataset, axes=axes)))
        self.channel, self.plane = part_boxes()
        for part in (self.channel, self.plane):
            part.changed.connect(self._on_part)
        parts = Container(widgets=[self.channel, self.plane], labels=False)
        self.form = in_rows(parts)
        self._parts = parts.native
        self.rows_layout.addWidget(self.file)
        self.rows_layout.addWidget(self._parts)
        self._show_rows()
        self.look(partial(_look_at, path, found.choice, found, rois), _known(path, found))

    def show_look(self, look: Look) -> None:
        """Show what is known now, and offer what can be chosen in it."""
        if look.found is not None and look.found is not self._found:
            self._found = look.found
            self._show_rows()
        super().show_look(look)

    def _show_rows(self) -> None:
        found = self._found
        self.file.show_file(found)
        opened = found if isinstance(found, Opened) else None
        for box, number, chosen in (
            (self.channel, opened.info.channels if opened else 1, found.choice.channel),
            (self.plane, opened.info.planes if opened else 1, found.choice.plane),
        ):
            with box.changed.blocked():
                box.range, box.value = (0, number - 1), chosen or 0
            self.form.setRowVisible(box.native, number > 1)
        self._parts.setVisible(opened is not None and max(opened.info.channels, opened.info.planes) > 1)

    def _look(self, choice: Choice) -> None:
        self.look(partial(_look_at, self._path, choice, None, self._rois))

    def _on_part(self) -> None:
        self._look(replace(self._found.choice, channel=self.channel.value, plane=self.plane.value))

    def _on_accept(self, look: Look, exchanged: bool) -> None:
        found = self._found
        if not isinstance(found, Opened):
            return
        if look.rois and look.rois_path is not None:
            remember_exchanged(look.rois_path, exchanged)
        info, choice = found.info, found.choice
        self._then(
            replace(  # of what there is only one, nothing is remembered
                choice,
                channel=choice.channel if info.channels > 1 else None,
                plane=choice.plane if info.planes > 1 else None,
            )
        )


def _look_at(
    path: OpenedPath,
    choice: Choice,
    known: Opened | Question | None,
    rois: RoiSet | None,
    report: Report,
    stop: threading.Event,
) -> Look:
    """Find out what a file holds, and read a few frames of it; call it off the GUI thread."""
    found = known if known is not None else find_out(path, choice)
    look = _known(path, found)
    if isinstance(found, Question):
        return look
    look = with_picture(look, found.movie, report, stop)
    report(replace(look, under_way="Looking for ROIs …"))
    own = own_rois(found.movie)
    if own is not None:
        place, its = own
        return with_rois(replace(look, rois_path=place), its, found.movie, traces_with(place), report, stop)
    if rois is not None and rois.frame_shape == found.movie.frame_shape:
        look = with_open_rois(look, rois)
    return look


def _known(path: OpenedPath, found: Opened | Question) -> Look:
    """Return what is known of a file before a frame of it is read."""
    if isinstance(found, Question):
        name = Path(path[0] if isinstance(path, list) else path).name
        return Look(f"<b>{breakable(name)}</b>", found.text, can_open=False, found=found)
    return Look(_facts(found), found.question, found=found)


def _facts(opened: Opened) -> str:
    movie, arrays = opened.movie, len(opened.arrays)
    frames, height, width = movie.shape
    rate, pixel = movie.frame_rate, movie.pixel_size
    lines = [
        f"<b>{breakable(movie.name)}</b>",
        f"{frames:,} frames of {height:,} × {width:,} px, {movie.dtype}",
        f"{rate:.4g} Hz, {duration(frames / rate)}" if rate else "frame rate unknown",
        f"pixels of {pixel[0]:.3g} × {pixel[1]:.3g} µm" if pixel else "pixel size unknown",
    ]
    for what, number in (("channel", opened.info.channels), ("plane", opened.info.planes)):
        if number > 1:
            lines.append(f"{number} {what}s")
    if arrays > 1:
        lines.append(f"{arrays} arrays that may be the movie")
    return "<br>".join([*lines, *(f"• {breakable(note)}" for note in movie.notes)])
