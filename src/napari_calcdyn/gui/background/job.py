"""One background job: a function in napari's worker thread that reports, can be stopped, and ends once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker
from napari.utils.notifications import notification_manager
from psygnal import Signal
from qtpy.QtCore import QObject
from qtpy.QtCore import Signal as QtSignal

from napari_calcdyn.recording.errors import Cancelled, InputError

from .errors import note_error

Report = Callable[[Any], None]
Work = Callable[[Report, threading.Event], Any]

REPORT_INTERVAL_S = 0.1  # the GUI hears from a worker ten times a second, however fast it goes
JOIN_TIMEOUT_S = 3.0
_UNEXPECTED = (
    "Something unexpected went wrong ({}): please report it. Press ? in the head of this panel, then Report"
    " a problem."
)


class _Task(partial):  # type: ignore[type-arg]
    """A call with a name: napari shows its `repr` when a window is closed on a running job."""

    title: str
    stop: threading.Event
    patience: float

    def __repr__(self) -> str:
        return self.title.lower()


class _Worker(FunctionWorker):  # type: ignore[misc]
    """A worker for which napari's own "cancel", as when the window closes, means our stop flag too."""

    def __init__(self, task: _Task) -> None:
        super().__init__(task)
        self._stop, self._patience = task.stop, task.patience

    def quit(self) -> None:
        if self._patience:
            later = threading.Timer(self._patience, self._stop.set)
            later.daemon = True
            later.start()
        else:
            self._stop.set()
        super().quit()


class _Relay(QObject):  # type: ignore[misc]
    """Carries reports from the worker's thread to the GUI thread, in batches."""

    batch = QtSignal(list)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Any] = []
        self._last = 0.0

    def report(self, item: Any) -> None:
        """Note `item`; called in the worker's thread."""
        self._waiting.append(item)
        now = time.monotonic()
        if now - self._last >= REPORT_INTERVAL_S:
            self._last = now
            self.flush()

    def flush(self) -> None:
        """Hand over what is waiting; called in the worker's thread."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.batch.emit(waiting)


class Job:
    """A piece of work off the GUI thread.

    Parameters
    ----------
    title : str
        What is under way, in a few words.
    work : callable
        Called as ``work(report, stop)`` in a worker thread. It hands progress to ``report(item)``, looks at
        the event ``stop`` often enough to end within a second, and returns its result.
    patience : float
        Seconds that it may still take when the window closes.

    Notes
    -----
    Signals, all on the GUI thread: ``progressed(list)``; then ``ended()`` and after it exactly one of
    ``done(result)``, ``failed(sentence)`` or ``cancelled()``. After `close` none is emitted.

    An `InputError` becomes its sentence. Anything else unexpected goes to napari's error notification, which
    shows the traceback, and to ``failed``.
    """

    progressed = Signal(list)
    ended = Signal()
    done = Signal(object)
    failed = Signal(str)
    cancelled = Signal()

    def __init__(self, title: str, work: Work, *, patience: float = 0.0) -> None:
        self.title = title
        self._patience = patience
        self._work: Work | None = work
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._closed = False
        self._outcome: tuple[str, Any] = ("cancelled", None)
        self._relay = _Relay()
        self._relay.batch.connect(self._on_batch)

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to stop."""
        return self._stop.is_set()

    def start(self) -> None:
        """Start the worker."""
        task = _Task(self._run)
        task.title, task.stop, task.patience = self.title, self._stop, self._patience
        worker = create_worker(task, _start_thread=False, _worker_class=_Worker, _ignore_errors=True)
        worker.finished.connect(self._on_finished)
        worker.start()

    def stop(self) -> None:
        """Ask the work to end; its result so far still arrives."""
        self._stop.set()

    def drop(self) -> None:
        """Stop, without waiting, and call nothing back."""
        self._closed = True
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait in another thread for the work to end; returns whether it has. What follows may be still to come."""
        return self._finished.wait(seconds)

    def close(self) -> None:
        """Wait as long as it is worth, stop, wait a bounded time, and call nothing back."""
        if self._patience:
            self.wait(self._patience)
        self.drop()
        self.wait(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        try:
            if self._work is None or self._stop.is_set():
                return
            result = self._work(self._relay.report, self._stop)
            self._relay.flush()
            self._outcome = ("done", result)
        except Cancelled:
            self._outcome = ("cancelled", None)
        except InputError as error:
            note_error(error)
            self._outcome = ("failed", str(error))
        except Exception as error:
            self._outcome = ("crashed", error)
        finally:
            # napari keeps every worker of a window; what the work refers to must not live as long.
            self._work = None
            self._finished.set()

    def _on_batch(self, items: list[Any]) -> None:
        if not self._closed:
            self.progressed.emit(items)

    def _on_finished(self) -> None:
        (kind, value), self._outcome = self._outcome, ("cancelled", None)
        if not self._closed:
            self._closed = True
            self.ended.emit()
            if kind == "crashed":
                notification_manager.receive_error(type(value), value, value.__traceback__)
                kind, value = "failed", _UNEXPECTED.format(type(value).__name__)
            if kind == "done":
                self.done.emit(value)
            elif kind == "failed":
                self.failed.emit(value)
            else:
                self.cancelled.emit()
        for signal in (self.progressed, self.ended, self.done, self.failed, self.cancelled):
            signal.disconnect()


class Latest:
    """Background work of which only the newest request matters, as what a slider asks for.

    While one request is worked on, newer ones replace each other in waiting. Independent of the session's one
    job, as it is for work of milliseconds.

    Parameters
    ----------
    title : str
        What is under way, in a few words.
    """

    def __init__(self, title: str = "Computing") -> None:
        self._title = title
        self._running: Job | None = None
        self._waiting: tuple[Callable[[], Any], Callable[[Any], None]] | None = None

    def ask(self, compute: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Call ``done(compute())``, the first off the GUI thread and the second on it, unless replaced."""
        self._waiting = (compute, done)
        if self._running is None:
            self._next()

    def close(self) -> None:
        """Call nothing back any more."""
        self._waiting = None
        if self._running is not None:
            self._running.close()
            self._running = None

    def _next(self) -> None:
        self._running = None
        if self._waiting is not None:
            (compute, done), self._waiting = self._waiting, None
            self._running = Job(self._title, lambda report, stop: compute())
            self._running.done.connect(done)
            self._running.ended.connect(self._next)
            self._running.start()
