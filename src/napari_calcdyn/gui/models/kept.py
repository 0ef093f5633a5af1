"""What a session keeps of the training of a model: its learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_calcdyn.models.progress import Progress


def kept_history(history: Sequence[Progress]) -> list[dict[str, Any]]:
    """Return the reports of a training as JSON can hold them."""
    return [
        asdict(it) | {"losses": {name: float(loss) for name, loss in it.losses.items()}} for it in history
    ]


def history_of(kept: Sequence[dict[str, Any]]) -> tuple[Progress, ...]:
    """Return what `kept_history` was given; imports torch."""
    from napari_calcdyn.models.progress import Progress

    return tuple(Progress(**it) for it in kept)
