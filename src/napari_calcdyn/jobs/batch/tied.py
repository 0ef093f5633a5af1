"""A process that ends when the one that started it is gone, even if that was killed."""

from __future__ import annotations

import os
import threading

_ALONE = 3  # exit code that nobody is left to read


def end_with_starter() -> None:
    """End this process at once when its standard input is closed, as it is when the process that holds it dies.

    Nothing is tidied up, because another worker may be about to begin the same job in the same folder.
    """
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock a thread must not hold when Python ends
        pass
    os._exit(_ALONE)
