"""How far a job has come, and what it says to the user."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_calcdyn.recording.errors import Cancelled
from napari_calcdyn.recording.progress import ProgressCallback

from .job import Report, Work

if TYPE_CHECKING:
    from napari_calcdyn.models.progress import Progress

Topic = Literal["recording", "dynamics", "neurons", "inspector", "compare", "traces", "behaviour"]


@dataclass(frozen=True)
class Notice:
    """One sentence for the user, and the dock it belongs to."""

    topic: Topic
    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Status:
    """How far the running job has come; `fraction` in 0..1, `eta` in seconds, None where unknown."""

    topic: Topic
    stage: str
    fraction: float | None = None
    eta: float | None = None


def tracked(topic: Topic, stage: str, compute: Callable[[ProgressCallback], Any]) -> Work:
    """Return work for a `Job` from a function that takes a progress callback."""

    def work(report: Report, stop: threading.Event) -> Any:
        return compute(timed(topic, stage, report, stop))

    return work


def timed(topic: Topic, stage: str, report: Report, stop: threading.Event) -> ProgressCallback:
    """Return a progress callback that reports a `Status` with the time left, counted from now."""
    began = time.monotonic()

    def progress(done: int, total: int) -> bool:
        fraction = done / total if total else None
        elapsed = time.monotonic() - began
        eta = elapsed * (1 / fraction - 1) if fraction and elapsed > 0.5 else None
        report(Status(topic, stage, fraction, eta))
        return stop.is_set()

    return progress


def by_stage(topic: Topic, report: Report, stop: threading.Event) -> Callable[[Progress], None]:
    """Return what takes the progress of a job of several stages, each with a time left of its own."""
    stages: dict[str, ProgressCallback] = {}

    def tell(news: Progress) -> None:
        if news.stage not in stages:
            stages[news.stage] = timed(topic, f"{news.stage} …", report, stop)
        if stages[news.stage](news.step, news.total):
            raise Cancelled

    return tell
