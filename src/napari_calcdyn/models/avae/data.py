"""Normalisation of traces for the networks of the AVAE."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.recording import Scaling, Traces

from .config import AVAEConfig

_LEAST_NOISE = 1e-3  # of the variance: without noise, the weight of the error would be infinite


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Conversion of traces to the input of the network and back: Eq. 4, then the mean trace and one scale.

    Parameters
    ----------
    per : {"recording", "trace"}
        Whether the range in Eq. 4 is that of the whole recording or of each trace.
    scaling : Scaling
        Range of the training traces: of all traces, or the median over traces, for decoded latents without a trace.
    offset : ndarray (T,) or (1,), float32
        Mean trace in scaled units; one number if the network takes traces of any length; 0 with the skip off.
    scale : float
        Standard deviation of the scaled training traces about the offset; 1 with the skip off, and for the paper's
        network.
    """

    per: str
    scaling: Scaling
    offset: NDArray[np.float32]
    scale: float

    @classmethod
    def fit(cls, traces: Traces, config: AVAEConfig) -> Normalisation:
        """Compute the normalisation from the training traces."""
        scaling = Scaling.fit(traces.values, config.scaling)
        scaled = scaling.apply(traces.values)
        if config.scaling == "trace":
            scaling = Scaling(np.asarray(np.median(scaling.low)), np.asarray(np.median(scaling.span)))
        if not config.skip:
            return cls(config.scaling, scaling, np.zeros(1, np.float32), 1.0)
        samples = traces.mask.sum(axis=0)
        mean = np.where(traces.mask, scaled, 0).sum(axis=0, dtype=np.float64)
        one_for_all = config.architecture == "sequence"
        offset = np.atleast_1d(mean.sum() / samples.sum()) if one_for_all else mean / np.maximum(samples, 1)
        offset = offset.astype(np.float32)
        if (
            config.architecture == "paper"
        ):  # the output of an LSTM lies between −1 and 1, like the scaled traces
            return cls(config.scaling, scaling, offset, 1.0)
        spread = float(np.sqrt(np.square(scaled - offset, dtype=np.float64)[traces.mask].mean()))
        return cls(config.scaling, scaling, offset, spread or 1.0)

    def range_of(self, traces: Traces) -> Scaling:
        """Return the range in Eq. 4 for these traces."""
        return Scaling.fit(traces.values, "trace") if self.per == "trace" else self.scaling

    def apply(self, traces: Traces) -> tuple[Tensor, Tensor]:
        """Return normalised traces (N, T) float32, with 0 for missing samples, and a mask of the others."""
        scaled = (self.range_of(traces).apply(traces.values) - self.offset) / self.scale
        values = np.where(traces.mask, scaled, 0).astype(np.float32)
        return torch.from_numpy(values), torch.from_numpy(traces.mask)

    def invert(self, normalised: Tensor, scaling: Scaling | None = None) -> NDArray[np.float32]:
        """Return traces (N, T) in their own unit."""
        scaled = normalised.cpu().numpy() * self.scale + self.offset
        return (scaling or self.scaling).invert(scaled)


def noise_variance(normalised: Tensor, valid: Tensor) -> float:
    """Return the variance of the independent noise, from the differences between neighbouring samples.

    Parameters
    ----------
    normalised : Tensor (N, T)
        Traces.
    valid : Tensor (N, T)
        True where there is a sample.

    Returns
    -------
    float
        Median over the traces; at least a thousandth of the traces' variance.
    """
    both = valid[:, 1:] & valid[:, :-1]
    squares = torch.where(both, normalised.diff(dim=1).square(), 0).sum(dim=1)
    pairs = both.sum(dim=1)
    known = pairs > 0
    variance = float((squares[known] / pairs[known]).median() / 2) if known.any() else 0.0
    return max(variance, _LEAST_NOISE * float(normalised[valid].square().mean()))
