"""A sparse VAR between ROIs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from napari_calcdyn.models.var import VAR, Selection, fit_own_past, fit_var
from napari_calcdyn.models.var.weights import own_past_free
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import RoiSet

from .basis import RoiBasis
from .own_past import LAGS
from .rest import fit_own, fit_rest

OWN_ORDER = 2
"""Lags of an ROI's own past. Calcium rises before it falls, which takes two."""


@dataclass(frozen=True, eq=False)
class RoiVAR:
    """What each ROI gets from its own past, and from other ROIs.

    The latents' own VAR shows mostly how latents repeat each other, as a cell is spread over several of them. Here the
    variables are the activities of ROIs, one for each cell, fitted to the frames beside a smooth background, so that
    glow that several ROIs share is not taken for a connection. Their own past is not penalised; the other ROIs are, by
    the lasso.

    Attributes
    ----------
    rois : RoiSet
        The N ROIs.
    basis : RoiBasis
        How latents are split into their activity and the rest.
    var : VAR
        Between the activities of ROIs.
    lags : int
        Lags at which ROIs may have an effect on others.
    own, own_alone : ndarray (5, N), float64
        How the activity of each ROI follows from its own last five frames, beside what others add and without it.
    rest : ndarray (5, d), float64
        The same for the rest of each latent.
    steady, steady_rest : ndarray (N,) and (d,), float64
        What is left of the mean of an ROI's last five frames in the next one, beside what others add; and the same for
        the rest of each latent. The maps rest on these; see `SteadyVAR`.
    smoothing : float
        As in `SteadyVAR`.
    """

    rois: RoiSet
    basis: RoiBasis
    var: VAR
    lags: int
    own: NDArray[np.float64]
    own_alone: NDArray[np.float64]
    rest: NDArray[np.float64]
    steady: NDArray[np.float64]
    steady_rest: NDArray[np.float64]
    smoothing: float

    @property
    def order(self) -> int:
        """Number of frames p that a prediction looks back."""
        return max(LAGS, self.lags)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean μ of the latents, (d,)."""
        return self.basis.mean

    @property
    def connections(self) -> list[csr_array]:
        """Coefficients between different ROIs at each lag, (N, N) as [target, source]."""
        return connections_of(self.var, self.lags)

    def predict(
        self, latents: NDArray[np.floating], activity: NDArray[np.floating], *, others: bool = True
    ) -> NDArray[np.float32]:
        """Predict the latents of every frame from the frames before it.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents in time order.
        activity : ndarray (T, N)
            Of the ROIs.
        others : bool
            Or each ROI from its own past alone.

        Returns
        -------
        ndarray (T, d), float32
            The mean where there is no past: in the first `order` rows, and after rows of NaN.
        """
        order = self.order
        rest, expected = self.basis.rest(latents, activity), np.zeros(latents.shape)
        for lag, effect in enumerate(self.rest, start=1):
            expected[order:] += effect * rest[order - lag : len(rest) - lag]
        expected += self._ahead(activity, others) @ self.basis.encoded
        return (self.mean + np.where(np.isnan(expected), 0, expected)).astype(np.float32)

    def predict_activity(self, activity: NDArray[np.floating]) -> NDArray[np.float32]:
        """Predict the activity of ROIs in every frame from the frames before it.

        Parameters
        ----------
        activity : ndarray (T, N)
            Of the ROIs.

        Returns
        -------
        ndarray (T, N), float32
            What `predict` rests on; NaN where there is no past.
        """
        expected = self.basis.resting + self._ahead(activity, True)
        expected[: self.order] = np.nan
        return expected.astype(np.float32)

    def predict_readout(
        self, latents: NDArray[np.floating], activity: NDArray[np.floating], weights: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Predict weighted sums of latents, such as the traces of ROIs, without predicting each latent.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents in time order.
        activity : ndarray (T, N)
            Of the ROIs.
        weights : ndarray (n, d)
            Weight of each latent in each sum.

        Returns
        -------
        ndarray (n, T), float32
            What `predict` returns, times the weights; NaN where there is no past.
        """
        basis, order, count = self.basis, self.order, len(weights)
        # One product with all latents, as these take most of the memory.
        by_rest = np.concatenate([(effect * weights).T for effect in self.rest], 1).astype(np.float32)
        rest = latents @ by_rest - self.mean @ by_rest
        rest -= (activity - basis.resting) @ (basis.encoded @ by_rest)
        expected = self._ahead(activity, True) @ (basis.encoded @ weights.T)
        for at in range(len(self.rest)):
            expected[order:] += rest[order - 1 - at : len(rest) - 1 - at, at * count : (at + 1) * count]
        expected[:order] = np.nan
        return (expected + weights @ self.mean).T.astype(np.float32)

    def _ahead(self, activity: NDArray[np.floating], others: bool) -> NDArray[np.float64]:
        """Predict activities (T, N), as deviations; 0 in the first frames, NaN where the past has a gap."""
        order, deviation = self.order, activity - self.basis.resting
        ahead = np.zeros(activity.shape)
        for lag, effect in enumerate(self.own if others else self.own_alone, start=1):
            ahead[order:] += effect * deviation[order - lag : len(deviation) - lag]
        for lag, table in enumerate(self.connections if others else (), start=1):
            ahead[order:] += deviation[order - lag : len(deviation) - lag] @ table.T
        return ahead


def fit_roi_var(
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    activity: NDArray[np.float32],
    rois: RoiSet,
    *,
    order: int | None = None,
) -> RoiVAR:
    """Estimate the VAR between ROIs.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording, as `VARAutoencoder.encode` returns them; NaN in frames that are left out.
    activity : ndarray (T, N), float32
        Of the ROIs, as from `roi_activity`.
    rois : RoiSet
        Of the recording.
    order : int, optional
        Lags at which ROIs may have an effect on others; that of the model by default.

    Returns
    -------
    RoiVAR
        The penalty of each target is chosen by EBIC, and by blocks of time that are left out.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size, or there are too few frames for the order.
    """
    order = order or model.var.order
    basis = RoiBasis.of(model, latents, activity, rois)
    var = fit_activity_var(activity, order)
    steady = fit_own_past(var, activity)
    steady_rest, rest = fit_rest(latents, activity, basis)
    own, alone = (fit_own(activity, basis.resting, it) for it in (connections_of(var, order), ()))
    return RoiVAR(rois, basis, var, order, own, alone, rest, steady, steady_rest, model.steady.smoothing)


def connections_of(var: VAR, lags: int) -> list[csr_array]:
    """Return the coefficients between different columns at each lag, (N, N) as [target, source]."""
    tables = [csr_array(table) for table in var.tables[:lags]]
    return [table - diags_array(table.diagonal()) for table in tables]


def fit_activity_var(activity: NDArray[np.floating], order: int) -> VAR:
    """Estimate a VAR whose own past is free.

    Parameters
    ----------
    activity : ndarray (T, N)
        In time order; frames that are left out are rows of NaN.
    order : int
        Lags of other ROIs.

    Returns
    -------
    VAR
        Of `OWN_ORDER` lags, or `order` if that is more.

    Raises
    ------
    InputError
        If there are too few frames for the order.
    """
    weights = own_past_free(activity.shape[1], order, OWN_ORDER)
    return fit_var(activity, max(order, OWN_ORDER), Selection("checked"), weights=weights)
