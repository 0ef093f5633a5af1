"""Whether two stretches of time follow the same rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Comparison:
    """Whether two sequences follow one VAR, and where they differ.

    Attributes
    ----------
    statistic : float
        ``Σ_j (RSS_pooled − RSS_A − RSS_B) / RSS_pooled``, over targets j.
    p_value : float
        ``(1 + #{D* ≥ D}) / (1 + B)`` over B permutations of the blocks' labels.
    effect : float
        Mean over targets of the part of the one-step error that goes away where each sequence has rules of its own,
        less what it is on average where the labels mean nothing.
    null : ndarray (B,), float64
        The statistic of every permutation.
    block_length : int
        Frames in a block.
    samples : tuple of int
        Predicted frames in A and in B.
    targets : ndarray (d,), float64
        Each target's part of the statistic.
    coefficients_a, coefficients_b : ndarray (p, d, d), float32
        [lag, target, source], in units of the latents.
    edge_p : ndarray (p, d, d), float32
        Family-wise p-values of the change of each coefficient, of all together.
    """

    statistic: float
    p_value: float
    effect: float
    null: NDArray[np.float64]
    block_length: int
    samples: tuple[int, int]
    targets: NDArray[np.float64]
    coefficients_a: NDArray[np.float32]
    coefficients_b: NDArray[np.float32]
    edge_p: NDArray[np.float32]

    @property
    def permutations(self) -> int:
        """Number of permutations B."""
        return len(self.null)
