"""Which latents are livelier in one condition than in the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .condition_blocks import Blocks


def compare_loudness(
    blocks: Blocks, residuals: NDArray[np.float64], permutations: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare how much new activity every latent has in each condition: what its past does not predict.

    The logarithm of the ratio of its power in B and in A is divided by its standard error, from how much the power
    varies between the blocks of a condition, for every permutation of the blocks' labels anew.

    Parameters
    ----------
    blocks : Blocks
        The two conditions.
    residuals : ndarray (n, d)
        Of the VAR that both have in common.
    permutations : int
        Number of permutations.
    seed : int
        Of the permutations.

    Returns
    -------
    ratio : ndarray (d,)
        Standard deviation in B over that in A; 1 for a latent that does not vary.
    p_value : ndarray (d,)
        Share of permutations with a larger change of any latent (Westfall & Young 1993).
    """
    power = np.square(residuals).reshape(len(blocks.frames), blocks.length, -1).mean(1)
    for condition, scale in zip((slice(blocks.in_a), slice(blocks.in_a, None)), blocks.scale, strict=True):
        power[condition] *= scale**2
    varies = (power > 1e-12 * power.max(initial=0)).all(0)
    labels = np.zeros((1 + permutations, len(power)))
    labels[:, : blocks.in_a] = 1
    labels = np.vstack([labels[:1], np.random.default_rng(seed).permuted(labels[1:], axis=1)])
    log_ratio, variance = np.zeros((2, len(labels), int(varies.sum())))
    for sign, members in ((-1, labels), (1, 1 - labels)):
        count = members.sum(1, keepdims=True)
        mean = members @ power[:, varies] / count
        spread = np.maximum(members @ np.square(power[:, varies]) / count - mean**2, 0)
        log_ratio += sign * np.log(mean)
        variance += spread / (mean**2 * (count - 1))
    t = np.abs(log_ratio) / np.sqrt(np.maximum(variance, 1e-12))
    largest = np.sort(t[1:].max(1, initial=0))
    ratio, p_value = np.ones((2, len(varies)))
    ratio[varies] = np.exp(log_ratio[0] / 2)
    below = np.searchsorted(largest, t[0] * (1 - 1e-9))
    p_value[varies] = (1 + permutations - below) / (1 + permutations)
    return ratio, p_value
