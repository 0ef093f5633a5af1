"""A sparse VAR with standard errors, from the debiased lasso."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.lasso.cpu import solve_on_support
from napari_calcdyn.models.roi_var import fit_activity_var
from napari_calcdyn.models.var import VAR

from .recent import recent_activity


@dataclass(frozen=True, eq=False)
class DebiasedVAR:
    """Coefficients of a VAR with their standard errors, between columns of unit variance.

    The lasso shrinks coefficients and drops most, which leaves nothing to test. What it left in the residuals is put
    back: ``Â + Θ Zᵀ R / n`` with ``Θ = (G + ρ I)⁻¹`` (Javanmard & Montanari 2014, J. Mach. Learn. Res. 15:2869; with a
    ridge in place of their programme). The past that is debiased is `recent_activity`, which holds less noise than the
    last frame.

    Attributes
    ----------
    coefficients : ndarray (p·d, d), float64
        Estimates; lag 1 of all columns first, then lag 2, …
    frames : ndarray (n,), int64
        Which frames were predicted: those with a past, in time order.
    design : ndarray (n, p·d), float64
        ``Z Θ``: a coefficient's estimate moves by ``design[:, k] · residual / n``.
    residuals : ndarray (n, d), float64
        What the lasso left.
    noise : ndarray (d,), float64
        Their variance.
    sparse : ndarray (P·d, d), float64
        The lasso estimate itself, refitted without the penalty; P lags, of which the first p are debiased.
    gram : ndarray (P·d, P·d), float64
        Second moments of the past.
    precision : ndarray (p·d, p·d), float64
        Θ.
    """

    coefficients: NDArray[np.float64]
    frames: NDArray[np.int64]
    design: NDArray[np.float64]
    residuals: NDArray[np.float64]
    noise: NDArray[np.float64]
    sparse: NDArray[np.float64]
    gram: NDArray[np.float64]
    precision: NDArray[np.float64]

    @property
    def order(self) -> int:
        """Number of lags p."""
        return len(self.coefficients) // int(self.coefficients.shape[1])

    @property
    def strength(self) -> NDArray[np.float64]:
        """Correlation of each target with the past of each source at all lags together, (d, d) as [target, source].

        All other predictors being known; with the sign of the sum over the lags.
        """
        (frames, predictors), width = self.design.shape, self.residuals.shape[1]
        spread = self.design.T @ self.design / frames
        lags = np.arange(self.order)[:, None] * width + np.arange(width)  # (p, d)
        within = spread[lags[:, None, :], lags[None, :, :]].transpose(2, 0, 1)  # (d, p, p)
        estimates = self.coefficients[lags].transpose(1, 0, 2)  # (source, lag, target)
        told = np.einsum("kaj,kab,kbj->jk", estimates, np.linalg.pinv(within), estimates) * frames
        wald = np.divide(told, self.noise[:, None], where=self.noise[:, None] > 0, out=np.zeros_like(told))
        strength: NDArray[np.float64] = np.sign(estimates.sum(1)).T * np.sqrt(
            wald / (wald + max(frames - predictors, frames / 2))
        )
        return strength

    def by_lag(self, stacked: NDArray[np.float64]) -> NDArray[np.float64]:
        """Arrange values (p·d, d) as (p, d, d), [lag, target, source]."""
        width = stacked.shape[1]
        return stacked.reshape(-1, width, width).transpose(0, 2, 1)


def fit_debiased(columns: NDArray[np.float64], order: int) -> DebiasedVAR:
    """Fit a sparse VAR as `fit_activity_var` does, and debias it.

    Parameters
    ----------
    columns : ndarray (T, d), float64
        In time order; frames that are left out are rows of NaN.
    order : int
        Number of lags p of other columns.

    Returns
    -------
    DebiasedVAR
        Of these lags; a longer own past is known to it, but not tested.

    Raises
    ------
    InputError
        If there are too few frames for the order.
    """
    return debiased(fit_activity_var(columns, order), columns, order)


def debiased(var: VAR, columns: NDArray[np.float64], order: int) -> DebiasedVAR:
    """Debias a sparse VAR.

    Parameters
    ----------
    var : VAR
        Of these columns.
    columns : ndarray (T, d), float64
        In time order; frames that are left out are rows of NaN.
    order : int
        Lags p that are debiased; those of `var` at most.

    Returns
    -------
    DebiasedVAR
        Of lags 1 to p.
    """
    standardised = (columns - var.mean) / var.std
    count, width = columns.shape
    recent = recent_activity(standardised)
    past = np.concatenate(
        [
            (recent if lag <= order else standardised)[var.order - lag : count - lag]
            for lag in range(1, var.order + 1)
        ],
        axis=1,
    )
    frames = var.order + np.flatnonzero(np.isfinite(past).all(1) & np.isfinite(columns[var.order :]).all(1))
    past = past[frames - var.order]
    n, tested = len(past), order * width
    # Refitted without the penalty, which also moved the lags that are not debiased below.
    chosen = torch.from_numpy(np.concatenate([matrix.T != 0 for matrix in var.standardised]))
    whole, present = past.T @ past / n, past.T @ standardised[frames] / n
    lasso = solve_on_support(torch.from_numpy(whole), torch.from_numpy(present), chosen).numpy()
    residuals = standardised[frames] - past @ lasso
    # Measured on simulated movies of 300, 1000 and 3000 frames: half of the ratio is best or near it in each.
    ridge = 0.5 * tested / n
    precision = np.linalg.inv(whole[:tested, :tested] + ridge * np.eye(tested))
    design = past[:, :tested] @ precision
    noise = np.square(residuals).sum(0) / np.maximum(n - np.count_nonzero(lasso, axis=0), 1)
    return DebiasedVAR(
        lasso[:tested] + design.T @ residuals / n,
        frames,
        design,
        residuals,
        noise,
        lasso,
        whole,
        precision,
    )
