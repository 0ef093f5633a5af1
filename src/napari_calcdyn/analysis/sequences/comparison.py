"""Test of whether two stretches of time follow the same rules, however loud each of them is.

H0: both follow one VAR; every latent may be livelier in one of them. From the residuals of one sparse VAR of both,
every connection gets a change from A to B in standard errors, which allow for noise of any size in each condition. The
statistic sums up what exceeds the range of chance, and its distribution under H0 comes from random signs of blocks of
time (docs/compare.md). Which latents are livelier is a question of its own, with an answer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.var import Neighbourhoods, Selection
from napari_calcdyn.recording import InputError, ProgressCallback, report

CHANGED = np.dtype(
    [
        ("source", np.int64),
        ("target", np.int64),
        ("lag", np.int64),
        ("before", np.float64),
        ("after", np.float64),
        ("change", np.float64),
        ("p_value", np.float64),
    ]
)
"""One changed connection: latents or ROIs, lag in frames, coefficient in A and in B (in units of the latents), change
in standard errors, family-wise p-value."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Result of the test of whether two sequences follow one VAR, and where they differ.

    Attributes
    ----------
    statistic : float
        ``D = Σ (|t| − τ)²`` over all connections whose change t, in standard errors, exceeds τ. By chance, five do.
    p_value : float
        ``(1 + #{D* ≥ D}) / (1 + B)`` over B draws of signs for the blocks.
    effect : float
        Mean over targets of the part of the one-step error that goes away with the changes that exceed τ, less what
        it is by chance.
    null : ndarray (B,), float64
        The statistic of every draw.
    block_length : int
        Frames in a block.
    samples : tuple of int
        Predicted frames in A and in B.
    targets : ndarray (d,), float64
        Each target's part of the statistic.
    sources : ndarray (d, K), int64
        The latents that may drive each target: all of them, ``K = d``, or its neighbours; -1 after the last one.
    coefficients_a, coefficients_b : ndarray (p, d, K), float32
        [lag, target, place among its sources], in units of the latents.
    edge_p : ndarray (p, d, K), float32
        Family-wise p-values of the change of each coefficient, of all together.
    edge_change : ndarray (p, d, K), float32
        How far each coefficient moved from A to B, in standard errors; also where the lasso has it at zero.
    loudness : ndarray (d,), float64
        How much livelier each latent is in B: standard deviation of what its past does not predict, B over A.
    loudness_p : ndarray (d,), float64
        Family-wise p-values of that ratio, of all latents together, from permuted labels of the blocks.
    ids : ndarray (d,), int64, or None
        Ids of the ROIs, where their activities were compared in place of latents.
    """

    statistic: float
    p_value: float
    effect: float
    null: NDArray[np.float64]
    block_length: int
    samples: tuple[int, int]
    targets: NDArray[np.float64]
    sources: NDArray[np.int64]
    coefficients_a: NDArray[np.float32]
    coefficients_b: NDArray[np.float32]
    edge_p: NDArray[np.float32]
    edge_change: NDArray[np.float32]
    loudness: NDArray[np.float64]
    loudness_p: NDArray[np.float64]
    ids: NDArray[np.int64] | None = None

    @property
    def names(self) -> NDArray[np.int64]:
        """Numbers of the latents, or ids of the ROIs, (d,)."""
        return np.arange(len(self.targets)) if self.ids is None else self.ids

    @property
    def permutations(self) -> int:
        """Number of draws B."""
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
            Of dtype `CHANGED`, the clearest change first; source and target are `names`. A coefficient can be zero in
            both conditions: too small for the lasso in either, but not the same.
        """
        at = lag, target, place = np.nonzero((self.edge_p <= alpha) & (self.sources >= 0))
        found = np.empty(len(lag), CHANGED)
        found["source"], found["target"] = self.names[self.sources[target, place]], self.names[target]
        found["lag"] = lag + 1
        found["before"], found["after"] = self.coefficients_a[at], self.coefficients_b[at]
        found["change"], found["p_value"] = self.edge_change[at], self.edge_p[at]
        return found[np.argsort(-np.abs(found["change"]), kind="stable")]


def compare_sequences(
    latents: NDArray[np.floating],
    a: Sequence[range],
    b: Sequence[range],
    *,
    order: int,
    weights: Tensor | None = None,
    selection: Selection | None = None,
    neighbourhoods: Neighbourhoods | None = None,
    permutations: int = 999,
    block: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Comparison:
    """Test whether two conditions follow one VAR.

    Parameters
    ----------
    latents : ndarray (T, d)
        Or activities of ROIs, in time order; rows of NaN are frames that are left out. Two recordings of one field of
        view are two stretches of the latents of both, one after the other.
    a, b : sequence of range
        Stretches of frames of the two conditions. No frame is predicted from frames outside its stretch, or across
        frames that are left out.
    order : int
        Number of lags p.
    weights : Tensor (p·d, d) or (p·K, d), float64, optional
        Penalty weights, as from `penalty_weights` or `own_past_free`; 1 by default. Connections of infinite weight are
        not compared.
    selection : Selection, optional
        How λ is chosen, on both conditions together; EBIC by default.
    neighbourhoods : Neighbourhoods, optional
        The latents that may drive each one: only these connections are compared. All by default, which takes memory and
        time that grow with the squared number of latents.
    permutations : int
        Number B of draws of random signs, and of permutations for the loudness; the smallest possible p-value is
        1/(1 + B).
    block : int or "auto"
        Frames in a block; by default six autocorrelation times; less where that leaves fewer than seven blocks to a
        condition or, with short stretches, more than a quarter of its frames out.
    seed : int
        Of the draws.
    progress : callable or None
        Called with draws done and in all; returns True to stop.

    Returns
    -------
    Comparison
        Neither a change of the mean nor one of the size of the fluctuations, of some latents or of all, counts as a
        change of rules.

    Raises
    ------
    InputError
        If ranges overlap, lie outside the recording or are too short, or a number is out of range.
    Cancelled
        If `progress` asked to stop.
    """
    from .changes import find_changes, random_signs
    from .common_var import CommonVAR
    from .condition_blocks import make_blocks
    from .loudness import compare_loudness

    if permutations < 19:
        raise InputError(
            f"{permutations} permutations cannot give a p-value of 0.05: ask for at least 19, better 999."
        )
    report(progress, 0, permutations)
    blocks = make_blocks(latents, a, b, order, block, neighbourhoods)
    tick = partial(report, progress, 0, permutations)
    common = CommonVAR.fit(blocks, selection or Selection(), weights, tick)
    signs = random_signs(len(blocks.frames), permutations, seed)
    found = find_changes(blocks, common, signs, progress)
    loudness, loudness_p = compare_loudness(blocks, common.residuals, permutations, seed)
    statistic = found.excess.sum()

    def by_lag(stacked: NDArray[Any]) -> NDArray[np.float32]:
        return stacked.reshape(order, -1, stacked.shape[1]).transpose(0, 2, 1).astype(np.float32)

    units = (blocks.std[:, None] / blocks.std[blocks.sources]).astype(np.float32)
    coefficients = [by_lag(common.fit_again(blocks.moments(it)).numpy()) * units for it in blocks.conditions]
    # A little less, so that equal draws count as equal despite rounding.
    as_large = int((found.null >= statistic * (1 - 1e-9)).sum())
    return Comparison(
        statistic=float(statistic),
        p_value=(1 + as_large) / (1 + permutations),
        effect=found.effect,
        null=found.null,
        block_length=blocks.length,
        samples=(blocks.in_a * blocks.length, (len(blocks.frames) - blocks.in_a) * blocks.length),
        targets=found.excess,
        sources=blocks.sources,
        coefficients_a=coefficients[0],
        coefficients_b=coefficients[1],
        edge_p=by_lag(found.p_value),
        edge_change=by_lag(found.change),
        loudness=loudness,
        loudness_p=loudness_p,
    )
