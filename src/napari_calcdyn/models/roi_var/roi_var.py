"""A sparse VAR between ROIs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.models.var import VAR, Selection, fit_own_past, fit_var
from napari_calcdyn.models.var.weights import own_past_free
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import RoiSet

from .basis import RoiBasis
from .rest import fit_rest

OWN_ORDER = 2
"""Lags of an ROI's own past. Calcium rises before it falls, which takes two."""


@dataclass(frozen=True, eq=False)
class RoiVAR:
    """What each ROI gets from its own past, from other ROIs, and from the surroundings.

    The latents' own VAR shows mostly how latents repeat each other, as a cell is spread over several of them. Here the
    variables are the activities of ROIs, one for each cell. Their own past is not penalised; the other ROIs and the
    surroundings are, by the lasso. The surroundings are among the predictors, so that glow that several ROIs share is
    not taken for a connection.

    Attributes
    ----------
    rois : RoiSet
        The N ROIs.
    basis : RoiBasis
        How latents are split into their activity and the rest.
    var : VAR
        Between N ROIs and, as the last K columns, the surroundings.
    lags : int
        Lags at which ROIs may have an effect on others.
    rest : ndarray (p, d), float64
        How the rest of each latent follows from its own last p frames.
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
    rest: NDArray[np.float64]
    steady: NDArray[np.float64]
    steady_rest: NDArray[np.float64]
    smoothing: float

    @property
    def order(self) -> int:
        """Number of lags p that a prediction looks back."""
        return self.var.order

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean μ of the latents, (d,)."""
        return self.basis.mean

    @property
    def connections(self) -> list[csr_array]:
        """Coefficients between different ROIs at each lag, (N, N) as [target, source]."""
        return [self._tables(lag)[0] for lag in range(self.lags)]

    @property
    def from_surroundings(self) -> list[csr_array]:
        """Coefficients of the surroundings at each lag, (N, K)."""
        return [self._tables(lag)[1] for lag in range(self.lags)]

    def predict(self, latents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Predict every frame from the frames before it.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents in time order.

        Returns
        -------
        ndarray (T, d), float32
            The mean where there is no past: in the first `order` rows, and after rows of NaN.
        """
        return self._predict(latents, self.var.predict)

    def predict_from_own_past(self, latents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Predict every frame as `predict` does, each ROI from its own past alone.

        Parameters
        ----------
        latents : ndarray (T, d)
            Latents in time order.

        Returns
        -------
        ndarray (T, d), float32
            The mean where there is no past.
        """
        return self._predict(latents, self.var.predict_from_own_past)

    def _predict(
        self,
        latents: NDArray[np.floating],
        predict: Callable[[NDArray[np.floating]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        count = len(self.rois)
        activity = predict(self.basis.columns(latents))[:, :count] - self.var.mean[:count]
        rest, expected = self.basis.rest(latents), np.zeros(latents.shape)
        for lag, effect in enumerate(self.rest, start=1):
            expected[self.order :] += effect * rest[self.order - lag : len(rest) - lag]
        predicted = self.mean + activity @ self.basis.encoded + np.nan_to_num(expected)
        return predicted.astype(np.float32)

    def _tables(self, lag: int) -> tuple[csr_array, csr_array]:
        count = len(self.rois)
        table = np.array(self.var.tables[lag][:count])
        np.fill_diagonal(table, 0)
        return csr_array(table[:, :count]), csr_array(table[:, count:])


def fit_roi_var(
    model: VARAutoencoder, latents: NDArray[np.float32], rois: RoiSet, *, order: int | None = None
) -> RoiVAR:
    """Estimate the VAR between ROIs.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording, as `VARAutoencoder.encode` returns them; NaN in frames that are left out.
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
    basis = RoiBasis.of(model, latents, rois)
    columns = basis.columns(latents)
    var = fit_activity_var(columns, order)
    steady = fit_own_past(var, columns)[: len(rois)]
    steady_rest, rest = fit_rest(latents, basis, var.order)
    return RoiVAR(rois, basis, var, order, rest, steady, steady_rest, model.steady.smoothing)


def fit_activity_var(columns: NDArray[np.float64], order: int) -> VAR:
    """Estimate a VAR whose own past is free.

    Parameters
    ----------
    columns : ndarray (T, d), float64
        In time order; frames that are left out are rows of NaN.
    order : int
        Lags of other columns.

    Returns
    -------
    VAR
        Of `OWN_ORDER` lags, or `order` if that is more.

    Raises
    ------
    InputError
        If there are too few frames for the order.
    """
    weights = own_past_free(columns.shape[1], order, OWN_ORDER)
    return fit_var(columns, max(order, OWN_ORDER), Selection("checked"), weights=weights)
