"""Exceptions that end a computation, checks, and words that messages share."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """Input that the program cannot work with, and that the user can put right.

    Its message is one sentence that says what is wrong and what to do; the command line and the docks
    show it as it is.
    """


class Cancelled(Exception):
    """Raised inside a computation whose progress callback asked it to stop."""


def size_text(shape: Sequence[int]) -> str:
    """Return a shape as messages give it, such as ``512 × 512``."""
    return " × ".join(map(str, shape)) or "one value"


def count_text(number: int, word: str) -> str:
    """Return a number with its word, such as ``1 frame`` or ``2 frames``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise InputError if a number is not from `low` to `high`."""
    if not low <= value <= high:
        raise InputError(f"{name} is {value:g}: choose a value from {low:g} to {high:g}.")
