"""How much memory this program may take."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from napari_calcdyn.recording import InputError

LEAST = 1.0
"""Smallest budget, in GB: the program and its libraries take half of it."""
_SHARE = 0.25  # of the machine's memory
_ENOUGH = 1.5  # GB; more makes a run hardly faster
_PROGRAM = 0.6  # GB, with the few frames that are read at a time
_UNKNOWN = 8.0  # GB, of a machine that does not tell
_budget: ContextVar[float | None] = ContextVar("memory_budget", default=None)


def memory_budget() -> float:
    """Return how many GB (10⁹ bytes) of memory the process may take.

    Returns
    -------
    float
        What `limited_memory` says; otherwise a quarter of the machine's memory, but no more than 1.5 GB, as more makes
        a run hardly faster.
    """
    given = _budget.get()
    return max(LEAST, min(_SHARE * _installed(), _ENOUGH)) if given is None else given


def room_for_frames() -> int:
    """Return how many bytes of frames may stay in memory."""
    return int(1e9 * (memory_budget() - _PROGRAM))


def allowed_memory() -> float | None:
    """Return how many GB a run was given by `limited_memory`; None where nobody said."""
    return _budget.get()


def free_memory() -> float:
    """Return how many GB of memory the machine has left; where it does not tell, all that it has."""
    try:
        known = Path("/proc/meminfo").read_text(encoding="ascii")
        left = re.search(r"MemAvailable:\s+(\d+) kB", known)
    except OSError:  # not Linux
        left = None
    return _installed() if left is None else int(left[1]) * 1024 / 1e9


@contextmanager
def limited_memory(gigabytes: float | None) -> Iterator[None]:
    """Set the budget within a ``with`` block.

    Parameters
    ----------
    gigabytes : float or None
        GB (10⁹ bytes); None for the default.

    Yields
    ------
    None
        Once.

    Raises
    ------
    InputError
        If it is too little for the program itself.
    """
    if gigabytes is not None and not gigabytes >= LEAST:
        raise InputError(f"The program needs at least {LEAST:g} GB of memory: allow that much.")
    token = _budget.set(gigabytes)
    try:
        yield
    finally:
        _budget.reset(token)


def _installed() -> float:
    """Return the memory of the machine in GB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows
        return _UNKNOWN
