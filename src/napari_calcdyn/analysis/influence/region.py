"""The latents whose past predicts the trace of one region, called its sources.

With the region's encoded footprint ``s e`` (see `roi_prediction`), the contribution of source k to its trace is
``c_k[t] = ⟨f, C_k[t]⟩ = Σ_l (s e · A_l[:, k]) z̃_k[t−l]``: a dot product with the latents, of which the sparse
dynamics leave a few to be looked at. Together they are what the dynamics predict, ``Σ_k c_k[t]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var.moments import with_past
from napari_calcdyn.models.var.neighbours import sparse_tables
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import ProgressCallback, report

_FRAMES_AT_ONCE = 4096
_SOURCES_AT_ONCE = 64
_LATENTS_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Drivers:
    """The sources that drive one region, the strongest first.

    Attributes
    ----------
    sources : ndarray (n,), int64
        Numbers of the latents that have any say in it.
    scores : ndarray (n,), float32
        ``mean_t |c_k[t]|``, in the unit of the region's trace.
    gains : ndarray (p, n), float32
        [lag, source]: by how much the trace moves, so many frames after the source's latent moved by one.
    contributions : ndarray (n, T), float32
        ``c_k[t]``, around zero; NaN in the first p frames, which have no past.
    """

    sources: NDArray[np.int64]
    scores: NDArray[np.float32]
    gains: NDArray[np.float32]
    contributions: NDArray[np.float32]

    @property
    def shares(self) -> NDArray[np.float32]:
        """Each score as a part of all of them, (n,)."""
        total = float(self.scores.sum()) or 1.0
        shares: NDArray[np.float32] = self.scores / np.float32(total)
        return shares

    @property
    def lags(self) -> NDArray[np.int64]:
        """Lag at which each source acts most, (n,), in frames."""
        lags: NDArray[np.int64] = np.abs(self.gains).argmax(axis=0) + 1
        return lags

    @property
    def signs(self) -> NDArray[np.int64]:
        """Whether the trace goes up (1) or down (−1) at that lag after the source went up, (n,)."""
        strongest = np.take_along_axis(self.gains, self.lags[None] - 1, axis=0)[0]
        signs: NDArray[np.int64] = np.sign(strongest).astype(np.int64)
        return signs

    def leading(self, part: float) -> NDArray[np.int64]:
        """Return the fewest sources whose shares add up to a given part.

        Parameters
        ----------
        part : float
            From 0 to 1.

        Returns
        -------
        ndarray of int64
            Numbers of latents, the strongest first; at least one where there are any.
        """
        # Rounding may leave the sum of all shares below 1.
        count = int(np.searchsorted(np.cumsum(self.shares), part - 1e-6)) + 1
        return self.sources[:count]


def drivers(readout: NDArray[np.float32], latents: NDArray[np.float32], var: VAR) -> Drivers:
    """Rank the sources that drive one region.

    Parameters
    ----------
    readout : ndarray (d,), float32
        The region's encoded footprint, a row of `roi_prediction.encoded_footprints`.
    latents : ndarray (T, d), float32
        Of the recording.
    var : VAR
        The dynamics.

    Returns
    -------
    Drivers
        Empty where no latent reaches the region, or nothing in the dynamics leads to it.
    """
    reaching = np.flatnonzero(readout)  # a few: footprints and latents are both local
    gains = np.stack([readout[reaching] @ table[reaching] for table in var.tables])
    sources = np.flatnonzero(gains.any(axis=0))
    gains = gains[:, sources]
    deviation = latents[:, sources] - var.mean[sources].astype(np.float32)
    contributions = np.full((len(sources), len(latents)), np.nan, np.float32)
    known = contributions[:, var.order :]
    known[:] = 0
    for lag, gain in enumerate(gains, start=1):
        known += (deviation[var.order - lag : len(latents) - lag] * gain).T
    scores = np.abs(known).mean(axis=1) if known.size else np.zeros(len(sources), np.float32)
    order = np.argsort(-scores, kind="stable")
    return Drivers(sources[order], scores[order], gains[:, order], contributions[order])


def lagged_covariances(
    latents: NDArray[np.float32], var: VAR, progress: ProgressCallback | None = None
) -> list[Any]:
    """Compute the covariances of latents with the past of latents.

    Parameters
    ----------
    latents : ndarray (T, d), float32
        Of the recording; rows of NaN are frames that are left out.
    var : VAR
        For its order and mean, and for its neighbourhoods: where it has them, covariances are those of partners.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    list of ndarray or csr_array (d, d), float32
        For each lag ``mean_t z̃_j[t] z̃_k[t−l]`` as [latent, past], over the frames that have a past.

    Raises
    ------
    Cancelled
        If `progress` asked to stop.
    """
    order, frames = var.order, len(latents)
    partners = None if var.neighbourhoods is None else var.neighbourhoods.partners.numpy()
    sums, count = np.zeros((order, var.latents, var.latents if partners is None else partners.shape[1])), 0
    for start in range(order, frames, _FRAMES_AT_ONCE):
        stop = min(start + _FRAMES_AT_ONCE, frames)
        block = latents[start - order : stop] - var.mean.astype(np.float32)
        known = with_past(torch.from_numpy(np.isfinite(block).all(1))[None], order)[0].numpy()
        count += int(known.sum())
        for lag in range(1, order + 1):
            sums[lag - 1] += _products(block[order:][known], block[order - lag : -lag][known], partners)
        report(progress, stop, frames)
    covariances = (sums / max(1, count)).astype(np.float32)
    return list(covariances) if partners is None else sparse_tables(partners, covariances)


def _products(
    now: NDArray[np.float32], past: NDArray[np.float32], partners: NDArray[np.int64] | None
) -> NDArray[np.float32]:
    """Multiply latents (n, d) by the past of all, to (d, d), or of partners (d, M) as in `Neighbourhoods`."""
    if partners is None:
        return now.T @ past
    sums = np.empty(partners.shape, np.float32)
    for start in range(0, len(partners), _LATENTS_AT_ONCE):
        some = slice(
            start, start + _LATENTS_AT_ONCE
        )  # close to each other, they have most partners in common
        others = np.unique(partners[some])
        product = now[:, some].T @ past[:, others]
        sums[some] = np.take_along_axis(product, np.searchsorted(others, partners[some]), 1)
    return sums


@torch.no_grad()
def sources_map(
    model: VARAutoencoder, var: VAR, covariances: list[Any], sources: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Map what some sources explain, without going through the movie.

    The explained map is ``E_k = mean_t (s D(δ_k[t])) · (x[t] − m)``. With the reconstruction ``s D(z̃[t])`` in place
    of the recorded ``x[t] − m``, this is ``s² Σ_l D(A_l[:, k]) · D(C_l[:, k])`` with the lagged covariances C_l: two
    pictures for each source and lag. What it leaves out is what the network cannot reconstruct.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    var : VAR
        The point of its lasso path.
    covariances : list of ndarray or csr_array (d, d), float32
        As from `lagged_covariances`.
    sources : ndarray of int64
        Numbers of latents.

    Returns
    -------
    ndarray (Y, X), float32
        ``Σ_k E_k`` over these sources, in squared movie units.
    """
    network, image = model.footprint_network, np.zeros(model.frame_shape, np.float32)
    for start in range(0, len(sources), _SOURCES_AT_ONCE):
        some = sources[start : start + _SOURCES_AT_ONCE]
        for pair in zip(var.tables, covariances, strict=True):
            columns = (np.ascontiguousarray(csr_array(table)[:, some].toarray().T) for table in pair)
            effects, shared = (network.decode(torch.from_numpy(it).to(model.device)) for it in columns)
            image += (effects * shared).sum(0).cpu().numpy()
    return image * np.float32(model.scale**2)
