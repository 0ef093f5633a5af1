"""Progress callbacks, by which a long computation reports and can be stopped."""

from __future__ import annotations

from collections.abc import Callable

from .errors import Cancelled

ProgressCallback = Callable[[int, int], bool | None]
"""Called as ``callback(done, total)``; returning ``True`` asks the computation to stop."""


def part_of(
    progress: ProgressCallback | None, start: float, stop: float, total: int
) -> ProgressCallback | None:
    """Return a callback for work that is a part of a longer computation.

    Parameters
    ----------
    progress : callable or None
        Of the whole.
    start, stop : float
        Units of the whole that are done before and after this part.
    total : int
        Units of the whole.

    Returns
    -------
    callable or None
        To be called with what is done of this part, and all of it.
    """
    if progress is None:
        return None
    return lambda done, of: progress(round(start + done / of * (stop - start)), total)


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
