"""Background jobs: how they report, stop, fail and end."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import Any

import pytest
from napari.utils.notifications import notification_manager

from napari_calcdyn.gui.background.job import Job, Latest
from napari_calcdyn.gui.session import Session, session_of
from napari_calcdyn.recording import Cancelled, InputError


def record(job: Job) -> list[tuple[Any, ...]]:
    """Return a list that fills with what the job emits."""
    heard: list[tuple[Any, ...]] = []
    job.progressed.connect(lambda items: heard.append(("progressed", items)))
    job.ended.connect(lambda: heard.append(("ended",)))
    job.done.connect(lambda result: heard.append(("done", result)))
    job.failed.connect(lambda text: heard.append(("failed", text)))
    job.cancelled.connect(lambda: heard.append(("cancelled",)))
    return heard


def wait_for_end(qtbot: Any, heard: list[tuple[Any, ...]]) -> None:
    qtbot.waitUntil(lambda: any(it[0] in ("done", "failed", "cancelled") for it in heard), timeout=5000)


def test_a_result_arrives_after_every_report_in_order_and_on_the_gui_thread(qtbot: Any) -> None:
    threads = []

    def work(report: Any, stop: threading.Event) -> str:
        for number in range(5000):
            report(number)
        time.sleep(0.2)
        report(5000)
        return "result"

    job = Job("Counting", work)
    heard = record(job)
    job.done.connect(lambda _: threads.append(threading.current_thread()))
    job.start()
    wait_for_end(qtbot, heard)
    numbers = [number for kind, *rest in heard if kind == "progressed" for number in rest[0]]
    assert numbers == list(range(5001))
    assert [it[0] for it in heard if it[0] != "progressed"] == ["ended", "done"]
    assert heard[-1] == ("done", "result")
    assert threads == [threading.main_thread()]


def test_reports_reach_the_gui_about_ten_times_a_second(qtbot: Any) -> None:
    def work(report: Any, stop: threading.Event) -> None:
        until = time.monotonic() + 0.65
        while time.monotonic() < until:
            report(None)
            time.sleep(0.001)

    job = Job("Chattering", work)
    heard = record(job)
    job.start()
    wait_for_end(qtbot, heard)
    assert 3 <= sum(it[0] == "progressed" for it in heard) <= 9


def test_stop_reaches_the_work_and_its_result_still_arrives(qtbot: Any) -> None:
    def work(report: Any, stop: threading.Event) -> str:
        assert stop.wait(5)
        return "best so far"

    job = Job("Waiting", work)
    heard = record(job)
    job.start()
    qtbot.wait(50)
    job.stop()
    wait_for_end(qtbot, heard)
    assert heard == [("ended",), ("done", "best so far")]


def test_a_work_that_raises_cancelled_is_no_failure(qtbot: Any) -> None:
    def work(report: Any, stop: threading.Event) -> None:
        raise Cancelled

    job = Job("Cancelling", work)
    heard = record(job)
    job.start()
    wait_for_end(qtbot, heard)
    assert heard == [("ended",), ("cancelled",)]


def test_an_input_error_becomes_its_sentence_without_a_traceback(qtbot: Any) -> None:
    def work(report: Any, stop: threading.Event) -> None:
        raise InputError("The movie is upside down: turn it.")

    notification_manager.records.clear()
    job = Job("Looking", work)
    heard = record(job)
    job.start()
    wait_for_end(qtbot, heard)
    assert heard == [("ended",), ("failed", "The movie is upside down: turn it.")]
    assert not notification_manager.records


def test_an_unexpected_error_goes_to_napari_with_its_traceback(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = []
    monkeypatch.setattr(notification_manager, "receive_error", lambda *args: received.append(args))

    def work(report: Any, stop: threading.Event) -> None:
        raise ZeroDivisionError("somewhere deep")

    job = Job("Dividing", work)
    heard = record(job)
    job.start()
    wait_for_end(qtbot, heard)
    assert heard[-1][0] == "failed"
    assert "ZeroDivisionError" in heard[-1][1]
    assert received[0][0] is ZeroDivisionError
    assert received[0][2] is not None


def test_a_closed_job_stops_joins_and_calls_nothing_back(qtbot: Any) -> None:
    ended = threading.Event()

    def work(report: Any, stop: threading.Event) -> str:
        while not stop.wait(0.02):
            report("going on")
        ended.set()
        return "unwanted"

    job = Job("Going on", work)
    heard = record(job)
    job.start()
    qtbot.wait(150)
    heard.clear()
    job.close()
    assert ended.is_set()
    qtbot.wait(150)
    assert heard == []


def test_an_ended_job_lets_go_of_what_it_worked_on(qtbot: Any) -> None:
    class Large:
        pass

    large = Large()
    watch = weakref.ref(large)

    def work(report: Any, stop: threading.Event, held: Large = large) -> Large:
        return held

    job = Job("Holding", work)
    heard = record(job)
    job.start()
    wait_for_end(qtbot, heard)
    qtbot.wait(20)
    heard.clear()
    del large, work
    gc.collect()
    assert watch() is None


def test_a_second_job_is_refused_in_one_sentence_that_names_the_first(viewer: Any, qtbot: Any) -> None:
    session: Session = session_of(viewer)
    results: list[str] = []
    begun = threading.Event()

    def work(report: Any, stop: threading.Event) -> str:
        begun.set()
        stop.wait(5)
        return "first"

    assert session.work.start_work("dynamics", "Training", work, results.append)
    assert not session.work.start_work("recording", "Mean frame", work, results.append)
    assert session.work.notice is not None
    assert session.work.notice.topic == "recording"
    assert "“Training” is still under way" in session.work.notice.text
    qtbot.waitUntil(begun.is_set, timeout=5000)
    session.work.stop()
    qtbot.waitUntil(lambda: session.work.job is None, timeout=2000)
    assert results == ["first"]


def test_progress_is_forgotten_after_an_error(viewer: Any, qtbot: Any) -> None:
    session = session_of(viewer)

    def work(report: Any, stop: threading.Event) -> None:
        raise InputError("No.")

    session.work.start_work("dynamics", "Training", work, lambda _: None)
    assert session.work.status is not None
    qtbot.waitUntil(lambda: session.work.job is None, timeout=2000)
    assert session.work.status is None
    assert session.work.notice is not None
    assert session.work.notice.text == "No."
    assert session.work.notice.is_error


def test_of_many_requests_only_the_one_under_way_and_the_newest_are_worked_on(qtbot: Any) -> None:
    worked, heard = [], []

    def request(number: int) -> None:
        def compute() -> int:
            worked.append(number)
            time.sleep(0.05)
            return number

        latest.ask(compute, heard.append)

    latest = Latest()
    for number in range(20):
        request(number)
    qtbot.waitUntil(lambda: heard[-1:] == [19], timeout=2000)
    assert worked == heard == [0, 19]
    request(20)
    latest.close()
    qtbot.wait(100)
    assert heard == [0, 19]
