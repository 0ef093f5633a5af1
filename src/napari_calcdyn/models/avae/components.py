"""Principal components of traces, as a start and as a measure of what is alike."""

from __future__ import annotations

import torch
from torch import Tensor

_MORE = 10  # than are wanted, and this many power iterations: then those that are wanted are exact
_ITERATIONS = 7


def principal_components(traces: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Find the directions in which traces differ most.

    Parameters
    ----------
    traces : Tensor (N, T)
        Taken as they are, not centred.
    k : int
        How many; fewer where there are fewer traces or samples.

    Returns
    -------
    values : Tensor (k,)
        Singular values, falling.
    directions : Tensor (T, k)
        Orthonormal columns.
    """
    found = min(k, *traces.shape)
    sought = min(2 * found + _MORE, *traces.shape)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(
            0
        )  # of the random projection, which leaves no trace in the result
        _, values, directions = torch.pca_lowrank(traces, sought, center=False, niter=_ITERATIONS)
    return values[:found], directions[:, :found]
