"""The one background job of a viewer, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from napari.utils.notifications import show_warning
from psygnal import SignalGroupDescriptor

from napari_calcdyn.gui.background.job import Job, Latest, Work
from napari_calcdyn.gui.background.status import Notice, Status, Topic, tracked
from napari_calcdyn.recording.progress import ProgressCallback

from .state import by_identity


@dataclass(eq=False)
class WorkState:
    """What is under way; a field that is replaced emits ``events.<field>(new, old)``."""

    events: ClassVar[SignalGroupDescriptor] = by_identity("job", "status", "notice")

    job: Job | None = None
    status: Status | None = None
    notice: Notice | None = None

    def __post_init__(self) -> None:
        """Make what is not a field, as it is never replaced."""
        self.latest = Latest()

    @property
    def doing(self) -> str:
        """Title of the running job; empty while there is none."""
        return "" if self.job is None else self.job.title

    def start(
        self,
        topic: Topic,
        title: str,
        compute: Callable[[ProgressCallback], Any],
        done: Callable[[Any], None],
        *,
        stage: str = "",
        stopped: str = "",
    ) -> bool:
        """Compute something in the background, unless a job is under way; returns whether it was started.

        Parameters
        ----------
        topic : str
            The dock that shows progress and errors.
        title : str
            What is under way, in a few words.
        compute : callable
            Called in a worker thread with a progress callback.
        done : callable
            Called with the result on the GUI thread.
        stage : str
            What to show beside the progress, where it is not the title.
        stopped : str
            What to say when it was stopped without a result.
        """
        work = tracked(topic, stage or title, compute)
        return self.start_work(topic, title, work, done, stopped=stopped)

    def start_work(
        self,
        topic: Topic,
        title: str,
        work: Work,
        done: Callable[[Any], None],
        progressed: Callable[[list[Any]], None] | None = None,
        stopped: str = "",
    ) -> bool:
        """Run work that reports in its own way in the background, as `start` does.

        Parameters
        ----------
        topic, title, done, stopped
            As for `start`.
        work : callable
            See `Job`; it reports `Status` objects where `progressed` is None.
        progressed : callable, optional
            Called with what was reported since the last call.
        """
        if self.job is not None:
            self.tell(
                topic,
                f"“{self.job.title}” is still under way: wait for it to end, or press Stop first.",
                True,
            )
            return False
        job = Job(title, work)
        job.progressed.connect(progressed or self._show_last)
        job.ended.connect(self._forget)
        job.failed.connect(lambda text: self.tell(topic, text, True))
        job.cancelled.connect(lambda: self.tell(topic, stopped or f"{title} was stopped."))
        job.done.connect(done)
        self.notice = None
        self.status = Status(topic, f"{title} …")
        self.job = job
        job.start()
        return True

    def tell(self, topic: Topic, text: str, is_error: bool = False) -> None:
        """Show one sentence in a dock; an error also as a napari notification."""
        self.notice = Notice(topic, text, is_error)
        if is_error:
            show_warning(text)

    def stop(self) -> None:
        """Ask the running job to stop; it ends within a second and keeps what it has."""
        if self.job is not None and not self.job.stopping:
            self.job.stop()
            if self.status is not None:
                self.status = Status(self.status.topic, "Stopping …")

    def close(self) -> None:
        """Stop the running job and wait for it; nothing is called back. May be called any number of times."""
        self.latest.close()
        if self.job is not None:
            self.job.close()
            self._forget()

    def _show_last(self, statuses: list[Status]) -> None:
        if self.job is not None and not self.job.stopping:
            self.status = statuses[-1]

    def _forget(self) -> None:
        self.status = None
        self.job = None
