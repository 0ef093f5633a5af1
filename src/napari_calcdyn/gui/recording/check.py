"""The check of the recording: it begins when one is opened, and leads to the version of it that is analysed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer

from napari_calcdyn.gui.background.job import Job, Latest, Report
from napari_calcdyn.gui.background.status import timed, tracked
from napari_calcdyn.gui.layers.layers import FIRST_LOOK, result_layer
from napari_calcdyn.gui.session import Session, SessionPart
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import KINDS
from napari_calcdyn.recording.quality import Quality, check_quality, corrections_for, first_look

from .corrected_layers import clear_corrected, show_corrected, show_first_look
from .pixel_mask import PixelMask

if TYPE_CHECKING:
    from numpy.typing import NDArray

STOPPED = "The check was stopped: nothing is known about this recording, and nothing is corrected."
_TICK_MS = 20
DONE = "{} recordings were checked and laid on top of each other when they were opened. {}"
LATER = "This change takes effect when “{}” has ended."


class RecordingCheck(SessionPart):
    """Checks the session's recording and corrects it as the user wants, as ``session.part(RecordingCheck)``.

    Parameters
    ----------
    session : Session
        Whose recording.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._ready = _get_ready()
        self._looking: Job | None = None
        self._later = False  # a change waits for the job to end
        self._layers = Latest("Corrected movie")
        self._waiting: list[
            Callable[[], None]
        ] = []  # layers to show: one at a time, as each holds the window up
        self._soon = QTimer(interval=_TICK_MS)
        self._soon.timeout.connect(self._show_next)
        self._mask = PixelMask(session, self.mask_pixels)
        session.work.events.job.connect(self._on_job)
        session.recording.events.raw.connect(self._on_recording)

    def start(self) -> None:
        """Check the recording in the background, and correct it as is usual for what is found.

        Recordings that were joined were checked before.
        """
        session, raw = self.session, self.session.recording.raw
        if raw is None:
            return
        if len(raw.parts) > 1:
            done = raw.corrections
            said = [] if done is None else [str(done), *done.left]
            self._leave(DONE.format(len(raw.parts), " ".join(said)))
            self._look(raw)
            return

        def compute(report: Report, stop: threading.Event) -> Quality:
            return check_quality(raw, progress=timed("recording", "Checking the recording", report, stop))

        check = Job("Checking the recording", compute)
        check.done.connect(self._take)
        check.failed.connect(self._leave)
        check.cancelled.connect(lambda: self._leave(STOPPED))
        session.recording.unchecked = ""
        session.work.start_check(check)

    def bring_back(self, quality: Quality, kinds: tuple[str, ...], version: Movie) -> None:
        """Correct the recording as it was before, without checking it anew; its layers are there at once."""
        recording = self.session.recording
        self._soon.stop()
        self._waiting.clear()
        recording.kinds, recording.quality = kinds, quality
        recording.correct(version)
        show_corrected(self.session, version)
        self._mask.show()

    def switch(self, kind: str, on: bool) -> None:
        """Switch a correction, of `KINDS`, on or off."""
        kinds = self.session.recording.kinds
        self._change(kinds=tuple(it for it in KINDS if (on if it == kind else it in kinds)))

    def mark_frames(self, frames: range, *, bad: bool) -> None:
        """Leave frames out, or take them in although they were found to be bad."""
        quality = self.session.recording.quality
        if quality is None:
            return
        marked = np.zeros(quality.frames, bool)
        marked[frames.start : frames.stop] = True
        self.session.recording.marked = True
        self._change(replace(quality, reasons=_edited(quality.reasons, marked & bad, marked & (not bad))))

    def mask_pixels(self, masked: NDArray[np.bool_]) -> None:
        """Leave out these pixels (Y, X) and no others."""
        quality = self.session.recording.quality
        if quality is None:
            return
        self.session.recording.marked = True
        more = masked & (quality.valid_pixels | ("pixels" not in self.session.recording.kinds))
        self._change(replace(quality, pixels=_edited(quality.pixels, more, ~masked)))

    def show_mask(self) -> None:
        """Let the user paint the pixels that are left out."""
        self._mask.edit()

    def _on_recording(self, raw: Movie | None) -> None:
        """Forget what was to be done with the recording before; without one, its corrected movie goes too."""
        self._later = False
        self._stop_looking()
        if raw is None:
            self._waiting = [self._clear]
            self._soon.start()

    def _clear(self) -> None:
        viewer = self.session.viewer
        if viewer is not None:
            clear_corrected(viewer)

    def _take(self, quality: Quality) -> None:
        recording = self.session.recording
        recording.kinds = corrections_for(quality).kinds
        recording.quality = quality
        self._apply()

    def _leave(self, why: str) -> None:
        """Analyse the recording as it is, as nothing is known about it."""
        self.session.recording.unchecked = why
        self._clear()

    def _change(self, quality: Quality | None = None, kinds: tuple[str, ...] | None = None) -> None:
        """Correct otherwise, at once or when the job has ended, whose recording must stay the same."""
        session, recording = self.session, self.session.recording
        if recording.quality is None:
            return
        if quality is not None:
            if not (quality.valid_frames.any() and quality.valid_pixels.any()):
                what = "frame" if not quality.valid_frames.any() else "pixel"
                session.work.tell("recording", f"No {what} would be left: leave some in.", True)
                self._mask.show(anyway=True)
                return
            marked = "frames" if quality.pixels is recording.quality.pixels else "pixels"
            kinds = tuple(it for it in KINDS if it in recording.kinds or it == marked)
        if kinds is not None:
            recording.kinds = kinds
        if quality is not None:
            recording.quality = quality
        if session.work.job is None:
            self._apply()
        else:
            self._later = True
            session.work.tell("recording", LATER.format(session.work.doing))

    def _on_job(self, job: Job | None) -> None:
        if job is None and self._later:
            self._later = False
            self.session.work.notice = None
            self._apply()

    def _apply(self) -> None:
        recording = self.session.recording
        if recording.raw is None or recording.quality is None:
            return
        try:
            corrections = corrections_for(recording.quality, recording.kinds)
            version = recording.raw.corrected(corrections)
        except InputError as error:
            self.session.work.tell("recording", str(error), True)
            return
        mean = recording.statistics is not None
        first = recording.version is None
        recording.correct(version)
        if mean:
            text = "The mean frame was computed before the corrections were changed: compute it again."
            self.session.work.tell("recording", text)
        self._layers.ask(partial(_load_layers, version, self._ready), lambda _: self._show(version))
        if first or result_layer(self.session.viewer, FIRST_LOOK) is not None:
            self._look(version)

    def _show_next(self) -> None:
        """Show the next layer; the timer may outlive the viewer and its session by one tick."""
        session = self._session()
        if session is None or session.viewer is None:
            self._waiting.clear()
        if self._waiting:
            self._waiting.pop(0)()
        else:
            self._soon.stop()

    def _show(self, version: Movie) -> None:
        if self.session.recording.movie is version:
            self._waiting = [partial(show_corrected, self.session, version), self._mask.show]
            self._soon.start()

    def _look(self, movie: Movie) -> None:
        """Compute the first look anew."""
        self._stop_looking()
        self._looking = job = Job(
            "First look", tracked("recording", "First look", lambda progress: first_look(movie, progress))
        )
        job.ended.connect(self._forget_looking)
        job.done.connect(lambda image: show_first_look(self.session, movie, image))
        job.start()

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.drop()
            self._looking = None

    def _forget_looking(self) -> None:
        self._looking = None

    def close(self) -> None:
        """Stop what is under way."""
        self._soon.stop()
        self._waiting.clear()  # what waits holds the session
        self._layers.close()
        if self._looking is not None:
            self._looking.close()
            self._looking = None
        self._mask.close()


def _load_layers(movie: Movie, ready: threading.Thread) -> None:
    """Load what the layers need; call it off the GUI thread."""
    ready.join()
    _ = movie.data


@cache
def _get_ready() -> threading.Thread:
    """Load in the background, once, what the first check would hold the window up for."""
    thread = threading.Thread(target=_load, name="Loading", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    with suppress(ImportError):
        import_module("pandas")  # napari does so when it adds labels
    import_module("dask.array")  # of the corrected movie
    first_look(Movie.from_array(np.random.default_rng(0).random((16, 8, 8), np.float32)))  # compiled code


def _edited(
    reasons: dict[str, NDArray[np.bool_]], more: NDArray[np.bool_], fewer: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Return what is bad by reason, with more that was marked by hand, and without some."""
    kept = {reason: flags & ~fewer for reason, flags in reasons.items()}
    return {"given": kept.get("given", np.zeros_like(more)) | more} | {
        reason: flags for reason, flags in kept.items() if reason != "given"
    }
