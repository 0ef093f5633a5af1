"""γ from a budget: how much worse the picture may get for the sake of the prediction."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from napari_calcdyn.models.checkpoint import with_prefix, with_prefix_added

_PATH, _CHOSEN = 0.5, 0.85  # shares of the training at which the path begins and ends
_LEAST, _MOST = 0.25, 32.0  # γ at its ends
_RISE = 0.03  # of the training, in which the learning rate rises
_OVER = 1e3  # what a picture beyond the budget costs, so that one within it is always kept


@dataclass(frozen=True)
class Point:
    """What a γ of the path costs and gains on validation frames.

    Parameters
    ----------
    gamma : float
        γ.
    reconstruction, prediction : float
        Errors, as shares of the variance of the movie and of the latents.
    """

    gamma: float
    reconstruction: float
    prediction: float


class GammaPath:
    """The γ of every step of one training: 0 first, then rising, then the largest that the budget allows.

    The first part trains the reconstruction alone. On the path, γ rises evenly in its logarithm, each network goes on
    from the one before, and at every check the errors on validation frames are a `Point`. The last part goes back to
    the last network of the path within the budget, and trains it on with the γ at which the path left the budget.

    Parameters
    ----------
    network : nn.Module
        What is trained.
    budget : float
        By which share the reconstruction error may exceed that of the end of the first part.
    steps : int
        Of the whole training.

    Attributes
    ----------
    points : list of Point
        The path so far; the first has γ = 0.
    """

    def __init__(self, network: nn.Module, budget: float, steps: int) -> None:
        self._network, self._budget = network, budget
        self._first, self._last = round(_PATH * steps), round(_CHOSEN * steps)
        self._settled = False
        self.points: list[Point] = []
        self._weights: dict[str, Tensor] = {}  # of the last network within the budget

    def gamma(self, step: int) -> float:
        """Return the γ of a step."""
        if step < self._first:
            return 0.0
        if step < self._last:
            return float(_LEAST * (_MOST / _LEAST) ** ((step - self._first) / (self._last - self._first)))
        return self.chosen

    def settles(self, step: int) -> bool:
        """Whether a step belongs to the last part, whose γ is the chosen one."""
        return step >= self._last

    @property
    def chosen(self) -> float:
        """γ at which the path left the budget, between two points, or its end."""
        inside = self._inside()
        if inside + 1 == len(self.points):
            return self.points[inside].gamma
        (low, cost), (high, beyond) = ((it.gamma, self.cost(it)) for it in self.points[inside : inside + 2])
        share = (self._budget - cost) / (beyond - cost)
        if low == 0:
            return share * high
        return float(low * (high / low) ** share)

    def cost(self, point: Point) -> float:
        """Return by which share the reconstruction error exceeds that of γ = 0."""
        return point.reconstruction / self.points[0].reconstruction - 1

    def begin(self, step: int) -> None:
        """Go back to the last network within the budget, before the first step of the last part."""
        if step == self._last:
            self._network.load_state_dict(self._weights)
        self._settled = step >= self._last

    def end(self) -> None:
        """Go back to the last network within the budget where the training was stopped before the last part."""
        if self._weights and not self._settled:
            self._network.load_state_dict(self._weights)

    def record(self, step: int, point: Point) -> None:
        """Take the errors after a step before the last part."""
        if point.gamma == 0:
            self.points = [point]
        elif self.points:
            self.points.append(point)
        if self.points and self._inside() == len(self.points) - 1:
            self._weights = {name: it.clone() for name, it in self._network.state_dict().items()}

    def judged(self, loss: float, point: Point) -> float:
        """Return a loss of the last part, in which a network within the budget is better than any beyond it."""
        return loss + _OVER * max(0.0, self.cost(point) - self._budget)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate's share of its peak: up, level to the end of the path, then down to zero.

        With a smaller one, networks lag behind γ: the picture gets worse before the prediction gets better.
        """
        if step < (rise := _RISE * steps):
            return (step + 1) / (rise + 1)
        share = (step - self._last) / (steps - self._last)
        return 0.5 * (1 + math.cos(math.pi * max(0.0, share)))

    def metrics(self) -> dict[str, Any]:
        """Return the path, and the γ that was chosen, for the metrics of the model."""
        return {"gamma": self.chosen, "trade_off": [asdict(it) for it in self.points]} if self.points else {}

    def state_dict(self) -> dict[str, Tensor]:
        """Return path and weights as tensors."""
        points = torch.tensor([list(asdict(it).values()) for it in self.points], dtype=torch.float64)
        settled = torch.tensor(float(self._settled))
        weights = with_prefix_added(self._weights, "weights.")
        return {"points": points.view(-1, 3), "settled": settled, **weights}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state_dict` returned."""
        self.points = [Point(*it) for it in state["points"].tolist()]
        self._weights = with_prefix(state, "weights.")
        self._settled = bool(state["settled"])

    def _inside(self) -> int:
        """Return the number of the last point before the path leaves the budget."""
        beyond = [number for number, it in enumerate(self.points) if self.cost(it) > self._budget]
        return (beyond[0] if beyond else len(self.points)) - 1
