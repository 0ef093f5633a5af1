"""Principal components of traces, to initialise the network and to find similar neurons."""

from __future__ import annotations

import torch
from torch import Tensor

_MORE = 10  # than are wanted, and this many power iterations: then those that are wanted are exact
_ITERATIONS = 7


def principal_components(traces: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the directions in which traces vary most.

    Parameters
    ----------
    traces : Tensor (N, T)
        They are not centred.
    k : int
        Number of components; fewer if there are fewer traces or samples.

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
