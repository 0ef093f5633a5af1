"""The one background job of a viewer, the check of its recording beside it, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from napari.utils.notifications import show_warning
from psygnal import SignalGroupDescriptor
from qtpy.QtCore import QTimer

from napari_calcdyn.gui.background.errors import note_handled
from napari_calcdyn.gui.background.job import Job, Latest, Work
from napari_calcdyn.gui.background.status import Notice, Status, Topic, tracked
from napari_calcdyn.recording.progress import ProgressCallback, report

from .state import by_identity

_WAIT_S = 0.1  # between two looks at whether the check has ended


@dataclass(eq=False)
class WorkState:
    """What is under way; a field that is replaced emits ``events.<field>(new, old)``."""

    events: ClassVar[SignalGroupDescriptor] = by_identity("job", "status", "notice", "check", "check_status")

    job: Job | None = None
    status: Status | None = None
    notice: Notice | None = None
    check: Job | None = None  # of the recording, which nobody asked for: it keeps nobody from anything else
    check_status: Status | None = None

    def __post_init__(self) -> None:
        """Make what is not a field, as it is never replaced."""
        self.latest = Latest("Lasso path")
        self._again: Callable[[], object] | None = (
            None  # begins the running job anew, if it makes way for others
        )

    @property
    def doing(self) -> str:
        """Title of the running job; empty while there is none."""
        return "" if self.job is None else self.job.title

    @property
    def free(self) -> bool:
        """Whether a job can be started: there is none, or one that makes way."""
        return self.job is None or self._again is not None

    def start(
        self,
        topic: Topic,
        title: str,
        compute: Callable[[ProgressCallback], Any],
        done: Callable[[Any], None],
        *,
        stage: str = "",
        stopped: str = "",
        again: Callable[[], object] | None = None,
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
        again : callable, optional
            Makes the job one that nobody asked for: it makes way for any other job, and this begins it anew after that.
        """
        work = tracked(topic, stage or title, compute)
        return self.start_work(topic, title, work, done, stopped=stopped, again=again)

    def start_work(
        self,
        topic: Topic,
        title: str,
        work: Work,
        done: Callable[[Any], None],
        progressed: Callable[[list[Any]], None] | None = None,
        stopped: str = "",
        again: Callable[[], object] | None = None,
    ) -> bool:
        """Run work that reports in its own way in the background, as `start` does.

        Parameters
        ----------
        topic, title, done, stopped, again
            As for `start`.
        work : callable
            See `Job`; it reports `Status` objects where `progressed` is None.
        progressed : callable, optional
            Called with what was reported since the last call.
        """
        if not self.free:
            self.tell(
                topic, f"“{self.doing}” is still under way: wait for it to end, or press Stop first.", True
            )
            return False
        job = Job(title, work)
        if self.job is not None and self._again is not None:
            resume = partial(self._resume, self._again)
            job.ended.connect(lambda: QTimer.singleShot(0, resume))  # after what is done with its result
            self.job.drop()
        self._again = again
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

    def start_check(self, check: Job) -> None:
        """Run the check of a recording in the background, beside the job; one that is under way is dropped."""
        self.stop_check()
        check.progressed.connect(self._show_check)
        check.ended.connect(self._forget_check)
        # At 0, as a bar that does not know how far it is moves all the time, and the window is painted with it.
        self.check_status = Status("recording", "Checking the recording", 0.0)
        self.check = check
        check.start()

    def stop_check(self) -> None:
        """Stop the check of the recording; nothing is called back."""
        if self.check is not None:
            self.check.drop()
            self._forget_check()

    def after_check(self, topic: Topic, title: str, begin: Callable[[], bool]) -> bool:
        """Begin what needs the corrected recording, once its check has ended; returns whether it was begun or waits.

        Parameters
        ----------
        topic : str
            The dock that shows that it waits.
        title : str
            Of the job that will begin: until then, another one of this title waits, and can be stopped.
        begin : callable
            Called on the GUI thread, at once where nothing is being checked.
        """
        check = self.check
        if check is None:
            return begin()

        def wait(progress: ProgressCallback) -> None:
            while not check.wait(_WAIT_S):
                status = self.check_status
                report(progress, round(1000 * ((status and status.fraction) or 0)), 1000)

        def done(_: None) -> None:
            self.after_check(topic, title, begin)  # what follows the check may come after the end of its work

        return self.start(topic, title, wait, done, stage="The recording is checked first")

    def tell(self, topic: Topic, text: str, is_error: bool = False) -> None:
        """Show one sentence in a dock; an error also as a napari notification."""
        self.notice = Notice(topic, text, is_error)
        if is_error:
            note_handled()
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
        if self.check is not None:
            self.check.close()
            self._forget_check()
        if self.job is not None:
            self.job.close()
            self._forget()

    def _show_last(self, statuses: list[Status]) -> None:
        if self.job is not None and not self.job.stopping:
            self.status = statuses[-1]

    def _show_check(self, statuses: list[Status]) -> None:
        if self.check is not None and not self.check.stopping:
            self.check_status = statuses[-1]

    def _forget_check(self) -> None:
        self.check = self.check_status = None

    def _forget(self) -> None:
        self.status = self._again = None
        self.job = None

    def _resume(self, again: Callable[[], object]) -> None:
        """Begin anew what made way, unless something else has followed."""
        if self.job is None:
            again()
