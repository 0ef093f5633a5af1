"""A training run from its start to its end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from ..models.training import Progress

Model = TypeVar("Model")


def drive(
    fit: Generator[Progress, None, Model], tell: Callable[[Progress], None]
) -> tuple[Model, list[Progress]]:
    """Return the fitted model, and all that the training reported, which `tell` was told of."""
    history: list[Progress] = []
    while True:
        try:
            progress = next(fit)
        except StopIteration as finished:
            return finished.value, history
        tell(progress)
        history.append(progress)
