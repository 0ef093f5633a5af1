"""The linear representation that every other one has to beat: principal components of the traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError


class PCABaseline:
    """Principal components of traces, one neuron a sample (Abante et al. 2025, Eq. 13 and 15).

    Made by `PCABaseline.fit`. Traces are centred by the mean trace of the neurons it was fitted to.

    Attributes
    ----------
    components : ndarray (D, T)
        Orthonormal, by falling variance: the rows of U transposed.
    mean : ndarray (T,)
        Mean trace.
    """

    def __init__(self, pca: Any) -> None:
        self._pca = pca
        self.components: NDArray[np.float64] = pca.components_
        self.mean: NDArray[np.float64] = pca.mean_

    @classmethod
    def fit(cls, values: NDArray[np.floating], components: int) -> PCABaseline:
        """Find the directions of largest variance between neurons.

        Parameters
        ----------
        values : ndarray (N, T)
            Traces without missing samples.
        components : int
            D, how many numbers describe a neuron.

        Returns
        -------
        PCABaseline

        Raises
        ------
        InputError
            If a sample is missing, or there are fewer neurons or samples than components.
        """
        from sklearn.decomposition import PCA

        values = np.asarray(values, np.float64)
        if not np.isfinite(values).all():
            raise InputError(
                "Principal components need traces without missing samples: leave out those with NaN."
            )
        if not 1 <= components <= min(values.shape):
            neurons, samples = values.shape
            raise InputError(
                f"{neurons} neurons with {samples} samples have no {components} principal components: choose from"
                f" 1 to {min(values.shape)}."
            )
        # arpack is exact too, and computes no more components than are asked for, but cannot compute all.
        solver = "arpack" if components < min(values.shape) else "full"
        return cls(PCA(components, svd_solver=solver, random_state=0).fit(values))

    def encode(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Project traces on the components (Eq. 15).

        Parameters
        ----------
        values : ndarray (M, T)
            Traces without missing samples.

        Returns
        -------
        ndarray (M, D), float32
            Scores.
        """
        scores: NDArray[np.float64] = self._pca.transform(np.asarray(values, np.float64))
        return scores.astype(np.float32)

    def decode(self, latents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Make traces of scores.

        Parameters
        ----------
        latents : ndarray (M, D)
            Scores.

        Returns
        -------
        ndarray (M, T), float32
            Traces.
        """
        values: NDArray[np.float64] = self._pca.inverse_transform(np.asarray(latents, np.float64))
        return values.astype(np.float32)

    def reconstruct(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Project traces on the components and back (Eq. 13).

        Parameters
        ----------
        values : ndarray (M, T)
            Traces without missing samples.

        Returns
        -------
        ndarray (M, T), float32
            Their part that the components hold, the denoised traces.
        """
        return self.decode(self.encode(values))
