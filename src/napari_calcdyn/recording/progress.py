"""How a long computation reports progress and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable

from .errors import Cancelled

ProgressCallback = Callable[[int, int], bool | None]
"""Called as ``callback(done, total)``; returning ``True`` asks the computation to stop."""


def report(progress: ProgressCallback | None, done: int, total: int) -> None:
    """Tell a callback how far a computation has come.

    Parameters
    ----------
    progress : callable or None
        Called with `done` and `total`; None does nothing.
    done, total : int
        Units of work finished, and in all.

    Raises
    ------
    Cancelled
        If the callback returns True.
    """
    if progress is not None and progress(done, total):
        raise Cancelled("The computation was cancelled.")
