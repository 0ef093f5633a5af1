"""What other latents add to the prediction of each from its own past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCKS = 10


def gain_from_others(
    with_others: NDArray[np.float64], own_past: NDArray[np.float64]
) -> tuple[float | None, float | None, float | None]:
    """Compare two predictions on frames that neither was fitted to.

    Parameters
    ----------
    with_others : ndarray (n,)
        Squared error of each frame, in time order, as predicted from all that is known.
    own_past : ndarray (n,)
        Squared error of each frame, as every latent's own past predicts it.

    Returns
    -------
    gain, low, high : float or None
        The part of the second error that goes away, and its 95 % interval from ten blocks of time, each left out in
        turn (jackknife; Künsch 1989, Ann. Statist. 17:1217). None where it is not defined, or frames are too few.
    """
    from scipy.stats import t as student

    if not own_past.sum() > 0:
        return None, None, None
    gain = float(1 - with_others.sum() / own_past.sum())
    blocks = min(_BLOCKS, len(own_past) // 2)
    if blocks < 3:
        return gain, None, None
    edges = np.linspace(0, len(own_past), blocks + 1).astype(int)[:-1]
    others, own = (it.sum() - np.add.reduceat(it, edges) for it in (with_others, own_past))
    without = 1 - others / own
    error = float(np.sqrt((blocks - 1) / blocks * np.square(without - without.mean()).sum()))
    reach = error * float(student.ppf(0.975, blocks - 1))
    return gain, gain - reach, gain + reach


def gain_in_words(metrics: Mapping[str, Any]) -> str:
    """Say what others add, in one sentence; nothing for models that were trained before it was measured."""
    gain, low, high = (metrics.get(f"gain_from_others{end}") for end in ("", "_low", "_high"))
    if gain is None:
        return ""
    if low is None or high is None or low <= 0:
        return "What other sources add to each one's own past cannot be told from nothing."
    return (
        f"Other sources take {100 * gain:.1f} % off the error of each one's own past"
        f" ({100 * low:.1f} to {100 * high:.1f} %)."
    )
