"""Which ROI drives which: the dynamics of the latents, seen from the ROIs.

With ``e_r`` the encoded footprint of ROI r, its decoded trace is ``y_r[t] = s e_r · z[t]`` and a constant. What the
dynamics say of it comes from the latents' past, and what of that belongs to ROI q is what the latents' past has in
common with q's trace and with no other ROI's: the regression of latents on traces, ``z̃ ≈ B ỹ``. So

``W_l[r, q] = (s e_r · A_l B_q) · sd(y_q) / sd(y_r)``

is by how many of its standard deviations r moves, l frames after q moved by one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..models.var import VAR
from ..models.var_autoencoder import VARAutoencoder
from ..recording import RoiSet
from .influence_files import EDGE, write_csv, write_graphml
from .roi_prediction import encoded_footprints


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence of every ROI on every other one.

    Attributes
    ----------
    ids : ndarray (N,), int64
        Ids of the ROIs.
    centres : ndarray (N, 2), float32
        Their centres, in pixels (y, x).
    effects : ndarray (p, N, N), float32
        [lag, target, source]: by how many of its standard deviations the target moves, so many frames after the
        source moved by one of its own. On the diagonal, an ROI's effect on itself.
    p_values : ndarray (N, N), float32, or None
        [target, source]: family-wise p-values, of all edges together; NaN on the diagonal. None where not tested.
    """

    ids: NDArray[np.int64]
    centres: NDArray[np.float32]
    effects: NDArray[np.float32]
    p_values: NDArray[np.float32] | None = None

    @property
    def lag(self) -> NDArray[np.int64]:
        """Lag at which an effect is strongest, (N, N) as [target, source], in frames."""
        lag: NDArray[np.int64] = np.abs(self.effects).argmax(0) + 1
        return lag

    @property
    def strength(self) -> NDArray[np.float32]:
        """Effect at that lag, (N, N) as [target, source], with its sign; 0 on the diagonal."""
        strongest: NDArray[np.float32] = np.take_along_axis(self.effects, self.lag[None] - 1, 0)[0]
        np.fill_diagonal(strongest, 0)
        return strongest

    def edges(self, *, least: float = 0.0, alpha: float | None = None) -> NDArray[np.void]:
        """List edges, the strongest first.

        Parameters
        ----------
        least : float
            Leave out those whose strength is not above this.
        alpha : float, optional
            Leave out those whose family-wise p-value is above this; where not tested, none is left out.

        Returns
        -------
        structured ndarray
            `EDGE`: ``source``, ``target`` (ids), ``lag``, ``strength``, ``p_value`` (NaN where not tested).
        """
        strength, lag = self.strength, self.lag
        wanted = np.abs(strength) > least
        if alpha is not None and self.p_values is not None:
            wanted &= self.p_values <= alpha
        target, source = np.nonzero(wanted)
        found = np.empty(len(target), EDGE)
        found["source"], found["target"] = self.ids[source], self.ids[target]
        found["lag"], found["strength"] = lag[target, source], strength[target, source]
        found["p_value"] = np.nan if self.p_values is None else self.p_values[target, source]
        return found[np.argsort(-np.abs(found["strength"]), kind="stable")]

    def write_csv(self, path: str | Path, *, alpha: float | None = None) -> None:
        """Write the edges as a table; see `influence_files.write_csv`."""
        write_csv(Path(path), self.edges(alpha=alpha))

    def write_graphml(self, path: str | Path, *, alpha: float | None = None) -> None:
        """Write ROIs and edges as a graph; see `influence_files.write_graphml`."""
        write_graphml(Path(path), self.ids, self.centres, self.edges(alpha=alpha))


def roi_influence(
    model: VARAutoencoder, latents: NDArray[np.float32], rois: RoiSet, *, var: VAR | None = None
) -> Influence:
    """Tell which ROI drives which, without testing it.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording, as `VARAutoencoder.latents` returns them.
    rois : RoiSet
        Of the recording.
    var : VAR, optional
        Another point of the model's lasso path; its own by default.

    Returns
    -------
    Influence
        Without p-values.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size.
    """
    var = var or model.var
    readout = encoded_footprints(model, rois.footprints).astype(np.float64)
    deviation = latents - latents.mean(0)
    covariance = deviation.T.astype(np.float64) @ deviation / len(deviation)
    shared = readout @ covariance @ readout.T
    spread = np.sqrt(np.diag(shared))
    belonging = covariance @ readout.T @ np.linalg.pinv(shared, hermitian=True)
    effects = readout @ var.coefficients @ belonging
    scale = np.divide(spread[None, :], spread[:, None], where=spread[:, None] > 0, out=np.zeros_like(shared))
    return Influence(rois.ids, rois.centres, (effects * scale).astype(np.float32))
