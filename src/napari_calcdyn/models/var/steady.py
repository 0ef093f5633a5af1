"""A VAR that forgets noise: its own past is the mean of several frames, and is not penalised."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from napari_calcdyn.recording.ranges import stretches

from .model import VAR

FRAMES = 5
"""Frames over which a latent's own past is averaged."""
_CHUNK = 1024


class SteadyVAR:
    r"""The predictor of the explained map: $\hat z_j[t] = b_j \bar z_j[t] + \sum_{k \neq j} \sum_l A_l[j,k] z_k[t-l]$.

    $\bar z_j[t]$ is the mean of the last five frames; all latents are deviations from their mean μ. One number
    $b_j \ge 0$ for each latent is estimated by least squares, without penalty. Connections to other latents are
    those of the sparse VAR. Where shot noise makes up most of a latent, a single past frame predicts hardly
    anything, and a penalty leaves it out; the mean of five frames holds a fifth of the noise.

    Parameters
    ----------
    var : VAR
        The sparse VAR.
    own : ndarray (d,)
        b.
    smoothing : float
        Standard deviation in pixels of the Gaussian by which frames are averaged before they are compared with the
        prediction; the share of shot noise in their variance, 0 to 1.
    """

    def __init__(self, var: VAR, own: NDArray[np.float64], smoothing: float) -> None:
        self.var, self.own, self.smoothing = var, own, smoothing

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean μ of the latents, (d,)."""
        return self.var.mean

    @property
    def latents(self) -> int:
        """Number of latents d."""
        return self.var.latents

    @property
    def order(self) -> int:
        """Number of lags: five, or those of the sparse VAR if it has more."""
        return max(FRAMES, self.var.order)

    @cached_property
    def tables(self) -> list[csr_array]:
        """Coefficients of each lag, (d, d) as [target, source], in units of the latents."""
        nothing = np.zeros(self.latents)
        tables = []
        for lag in range(self.order):
            own = diags_array(self.own / FRAMES if lag < FRAMES else nothing)
            if lag < self.var.order:
                table = csr_array(self.var.tables[lag])
                own = own + table - diags_array(table.diagonal())
            tables.append(csr_array(own, dtype=np.float32))
        return tables

    @property
    def coefficients(self) -> NDArray[np.float32]:
        """Coefficients (p, d, d) as [lag, target, source], in units of the latents."""
        return np.stack([table.toarray() for table in self.tables])


def fit_own_past(var: VAR, latents: NDArray[np.floating]) -> NDArray[np.float64]:
    """Estimate how much of a latent's recent mean is left in the next frame, beside what others add.

    Parameters
    ----------
    var : VAR
        The sparse VAR; its connections between different latents are used.
    latents : ndarray (T, d)
        Latents in time order; NaN where frames are left out.

    Returns
    -------
    ndarray (d,), float64
        b, at least 0; 0 where there are too few frames.
    """
    order = max(FRAMES, var.order)
    product, power = np.zeros((2, var.latents))
    for piece in stretches(np.isfinite(latents.sum(1))):
        for start in range(piece.start + order, piece.stop, _CHUNK):
            frames = np.asarray(latents[start - order : min(start + _CHUNK, piece.stop)], np.float64)
            some, theirs = own_past_sums(frames - var.mean, var.tables, order)
            product += some
            power += theirs
    own: NDArray[np.float64] = np.zeros_like(power)
    np.divide(product, power, out=own, where=power > 0)
    return np.maximum(own, 0)


def own_past_sums(
    centred: NDArray[np.float64], tables: Sequence[NDArray[np.float32] | csr_array], order: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum up, over a stretch (n, d), the mean of recent frames times what others leave, and its square, (d,)."""

    def before(lag: int) -> NDArray[np.float64]:
        return centred[order - lag : len(centred) - lag]

    rest = before(0).copy()
    for lag, table in enumerate(tables, start=1):
        past = before(lag)
        rest -= past @ table.T - past * table.diagonal()  # of others
    recent = sum(before(lag) for lag in range(1, FRAMES + 1)) / FRAMES
    return (recent * rest).sum(0), np.square(recent).sum(0)
