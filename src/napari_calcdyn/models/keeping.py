"""State of a training that is kept somewhere, so that a training that was killed can go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor


@dataclass(frozen=True)
class State:
    """All that a training needs to go on as if it had never been interrupted.

    Parameters
    ----------
    tensors : dict of str to Tensor
        Network, optimiser, best weights so far, and what the task remembers. They change when the training goes on.
    values : dict
        Counts and reports, as JSON can hold them.
    """

    tensors: dict[str, Tensor]
    values: dict[str, Any]


class Keeper(Protocol):
    """Place where the state of a training is kept."""

    def load(self) -> State | None:
        """Return the state to go on from, None to begin."""

    def save(self, state: State) -> None:
        """Keep a state in place of the one before."""
