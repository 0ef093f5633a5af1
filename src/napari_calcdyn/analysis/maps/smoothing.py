"""Gaussian average of frames before they are compared with a prediction."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from napari_calcdyn.models.var import VAR, SteadyVAR

_REACH = 3  # pixels
_LEAST = 0.2  # pixels; less changes nothing


class Smoothing:
    """Average over neighbouring pixels, or none.

    It is linear, so that sums over time of frames times anything can be averaged in place of all the frames.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian in pixels; 0 for none.

    Attributes
    ----------
    reach : int
        From how many pixels away an average takes values.
    """

    def __init__(self, sigma: float) -> None:
        self.reach = _REACH if sigma >= _LEAST else 0
        at = torch.arange(-self.reach, self.reach + 1)
        weights = torch.exp(-0.5 * (at / max(sigma, _LEAST)) ** 2)
        self._weights = weights / weights.sum()

    @classmethod
    def of(cls, var: VAR | SteadyVAR | None) -> Smoothing:
        """Return the average that belongs to a predictor."""
        return cls(var.smoothing if isinstance(var, SteadyVAR) else 0.0)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Average pictures (n, Y + 2·reach, X + 2·reach), whose margin is lost, to (n, Y, X)."""
        if not self.reach:
            return pictures
        kernel = self._weights.to(pictures.device)
        return conv2d(conv2d(pictures[:, None], kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))[:, 0]
