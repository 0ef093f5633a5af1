"""Test of whether two stretches of time follow the same rules.

H0: both follow one VAR. With a sparse VAR of both together and one of each, all with the penalty λ that is chosen once,
for both together, the statistic is ``D = Σ_j (RSS_pooled − RSS_A − RSS_B) / RSS_pooled`` over targets j. Under H0 it
does not matter which block of time belongs to which condition, and its distribution comes from permuting the
labels of blocks (docs/compare.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.var import Selection
from napari_calcdyn.recording import InputError, ProgressCallback, report
from napari_calcdyn.recording.progress import part_of

CHANGED = np.dtype(
    [
        ("source", np.int64),
        ("target", np.int64),
        ("lag", np.int64),
        ("before", np.float64),
        ("after", np.float64),
        ("p_value", np.float64),
    ]
)
"""One changed connection: latents, lag in frames, coefficient in A and in B (latent units), family-wise p-value."""

_GAINS = 0.75  # of the time that the permutations take, for the statistic; the rest is for the connections


@dataclass(frozen=True, eq=False)
class Comparison:
    """Result of the test of whether two sequences follow one VAR, and where they differ.

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
    edge_change : ndarray (p, d, d), float32
        How far each coefficient moved from A to B, in standard errors; also where the lasso has it at zero.
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
    edge_change: NDArray[np.float32]

    @property
    def permutations(self) -> int:
        """Number of permutations B."""
        return len(self.null)

    def edges(self, alpha: float = 0.05) -> NDArray[Any]:
        """Return the connections that changed.

        Parameters
        ----------
        alpha : float
            Largest family-wise p-value: the chance of a single false connection where nothing changed.

        Returns
        -------
        structured array
            Of dtype `CHANGED`, the clearest change first. A coefficient can be zero in both conditions: too small for
            the lasso in either, but not the same.
        """
        lag, target, source = np.nonzero(self.edge_p <= alpha)
        found = np.empty(len(lag), CHANGED)
        found["source"], found["target"], found["lag"] = source, target, lag + 1
        found["before"], found["after"] = (
            coefficients[lag, target, source] for coefficients in (self.coefficients_a, self.coefficients_b)
        )
        found["p_value"] = self.edge_p[lag, target, source]
        return found[np.argsort(-np.abs(self.edge_change[lag, target, source]), kind="stable")]


def compare_sequences(
    latents: NDArray[np.floating],
    a: Sequence[range],
    b: Sequence[range],
    *,
    order: int,
    weights: Tensor | None = None,
    selection: Selection | None = None,
    permutations: int = 999,
    block: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Comparison:
    """Test whether two conditions follow one VAR.

    Parameters
    ----------
    latents : ndarray (T, d)
        In time order. Two recordings of one field of view are two stretches of the latents of both, one after the
        other.
    a, b : sequence of range
        Stretches of frames of the two conditions. No frame is predicted from frames outside its stretch.
    order : int
        Number of lags p.
    weights : Tensor (p·d, d), float64, optional
        Penalty weights, as from `penalty_weights`; 1 by default.
    selection : Selection, optional
        How λ is chosen, on both conditions together; EBIC by default.
    permutations : int
        Number B of permutations; the smallest possible p-value is 1/(1 + B).
    block : int or "auto"
        Frames in a block; by default six autocorrelation times; less where that leaves fewer than seven blocks to a
        condition or, with short stretches, more than a quarter of its frames out.
    seed : int
        Of the permutations.
    progress : callable or None
        Called with permutations done and in all; returns True to stop.

    Returns
    -------
    Comparison
        Neither a change of the mean nor one of the overall size of the fluctuations counts as a change of rules.

    Raises
    ------
    InputError
        If ranges overlap, lie outside the recording or are too short, or a number is out of range.
    Cancelled
        If `progress` asked to stop.
    """
    from .condition_blocks import make_blocks
    from .permutation import CommonVAR, changed_edges, factors, gains, permuted_labels

    if permutations < 19:
        raise InputError(
            f"{permutations} permutations cannot give a p-value of 0.05: ask for at least 19, better 999."
        )
    report(progress, 0, permutations)
    blocks = make_blocks(latents, a, b, order, block)
    report(progress, 0, permutations)
    common = CommonVAR.fit(blocks, selection or Selection(), weights)
    labels = permuted_labels(blocks, permutations, seed)
    factor = factors(blocks, common, labels, progress)
    shared = _GAINS * permutations
    gain = gains(blocks, common, labels, factor, part_of(progress, 0, shared, permutations))
    statistic = gain.sum(1)
    null = statistic[1:]
    change, edge_p = changed_edges(
        blocks, common, labels, factor, part_of(progress, shared, permutations, permutations)
    )

    def by_lag(stacked: NDArray[Any]) -> NDArray[np.float32]:
        return stacked.reshape(order, -1, stacked.shape[1]).transpose(0, 2, 1).astype(np.float32)

    units = (blocks.std[:, None] / blocks.std).astype(np.float32)
    coefficients = [
        by_lag(common.alone(blocks.moments(group), scale).numpy()) * units
        for group, scale in zip(blocks.conditions, factor[0].tolist(), strict=True)
    ]
    # A little less, so that equal labellings count as equal despite rounding.
    as_large = int((null >= statistic[0] - 1e-9 * abs(statistic[0])).sum())
    return Comparison(
        statistic=float(statistic[0]),
        p_value=(1 + as_large) / (1 + permutations),
        effect=float((statistic[0] - null.mean()) / gain.shape[1]),
        null=null,
        block_length=blocks.length,
        samples=(blocks.in_a * blocks.length, (len(blocks.frames) - blocks.in_a) * blocks.length),
        targets=gain[0],
        coefficients_a=coefficients[0],
        coefficients_b=coefficients[1],
        edge_p=by_lag(edge_p),
        edge_change=by_lag(change),
    )
