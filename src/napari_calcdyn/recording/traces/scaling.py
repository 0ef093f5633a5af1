"""Scaling of traces to −0.5 … 0.5 and back, Eq. 4 of Abante et al. (2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_calcdyn.recording.errors import InputError


@dataclass(frozen=True, eq=False)
class Scaling:
    r"""Eq. 4 of Abante et al. (2025), $x_n = (x - \min x) / (\max x - \min x) - 0.5$, and its inverse.

    Missing samples (NaN) are left out of the range and stay NaN. A constant trace becomes −0.5 and comes back
    as it was.

    Parameters
    ----------
    low : ndarray of shape () or (N, 1), float64
        Smallest value: of the whole recording, or of each trace.
    span : ndarray of shape () or (N, 1), float64
        Largest minus smallest value; 1 where they are equal.
    """

    low: NDArray[np.float64]
    span: NDArray[np.float64]

    @classmethod
    def fit(cls, values: ArrayLike, per: Literal["recording", "trace"] = "recording") -> Scaling:
        """Find the range of traces.

        Parameters
        ----------
        values : array_like of shape (N, T)
            Traces; NaN and infinite samples are missing.
        per : {"recording", "trace"}
            One range for all traces, or one for each.

        Returns
        -------
        Scaling
            The range found; from 0 to 1 where there is no valid sample.

        Raises
        ------
        InputError
            If `per` is neither of the two.
        """
        if per not in ("recording", "trace"):
            raise InputError(f"Traces cannot be scaled per {per!r}: choose 'recording' or 'trace'.")
        values = np.asarray(values)
        if values.dtype.kind in "biu":  # integers know no infinity
            values = values.astype(np.float64)
        axis = None if per == "recording" else 1
        valid = np.isfinite(values)
        low = np.min(values, axis, initial=np.inf, where=valid, keepdims=True).astype(np.float64)
        high = np.max(values, axis, initial=-np.inf, where=valid, keepdims=True).astype(np.float64)
        low = np.where(np.isinf(low), 0.0, low)
        span = np.where(high > low, high - low, 1.0)
        return cls(low[0, 0], span[0, 0]) if per == "recording" else cls(low, span)

    def apply(self, values: ArrayLike) -> NDArray[np.float32]:
        """Scale traces.

        Parameters
        ----------
        values : array_like of shape (N, T)
            Traces; N as fitted where the range is per trace.

        Returns
        -------
        ndarray of shape (N, T), float32
            Between −0.5 and 0.5 within the range that was found, NaN where a sample is missing.
        """
        scaled: NDArray[Any] = (np.asarray(values, np.float64) - self.low) / self.span - 0.5
        return scaled.astype(np.float32)

    def invert(self, scaled: ArrayLike) -> NDArray[np.float32]:
        """Undo `apply`.

        Parameters
        ----------
        scaled : array_like of shape (N, T)
            Scaled traces.

        Returns
        -------
        ndarray of shape (N, T), float32
            In the units of the traces.
        """
        values: NDArray[Any] = (np.asarray(scaled, np.float64) + 0.5) * self.span + self.low
        return values.astype(np.float32)
