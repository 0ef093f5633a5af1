"""Contribution maps of a nonlinear decoder, by integrals of its derivative along the path of a prediction.

``C_k[t] = s ∫₀¹ J_D(μ + α (ẑ[t] − μ)) δ_k[t] dα``, with Gauss-Legendre nodes and forward-mode derivatives. A latent is
decoded to a small window, so one derivative has those of many latents side by side: latents whose windows do not
overlap have one colour, and a few colours give the whole Jacobian ``J̄[t] = ∫ J_D dα`` of a frame. What a source
explains is then a sum over its targets j, ``E_k = s Σ_j Σ_l A_l[j,k] mean_t J̄_j[t] z̃_k[t−l] (x[t] − m)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import pad

from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.convolutional import ConvolutionalAutoencoder
from napari_calcdyn.recording import Movie, ProgressCallback

from .predictable import predictable, static_picture
from .predictor import Predictor, as_tensor, from_sources, predict
from .result import ContributionMaps
from .smoothing import Smoothing
from .source_maps import SourceMaps

PIXELS_AT_A_TIME = 2**17
"""Of the frames whose derivatives are computed together, unless one frame has more."""


@torch.no_grad()
def integrated_maps(
    model: VARAutoencoder,
    network: ConvolutionalAutoencoder,
    movie: Movie,
    predictor: Predictor,
    chosen: Sequence[int],
    smoothing: Smoothing,
    progress: ProgressCallback | None,
) -> ContributionMaps:
    """Compute the maps in one pass; parameters and errors as in `contribution_maps`, whose work this is."""
    followed = from_sources(predictor.effects, chosen)
    sums = _SourceSums(network, followed) if len(chosen) else None
    static = static_picture(model, movie, progress)
    explained, amplitude = np.zeros((2, *model.frame_shape))
    frames = 0
    for past, actual in _few_at_a_time(predictable(model, movie, predictor, progress)):
        frames += len(actual)
        smooth = _smooth(actual - static, smoothing)
        ahead = predictor.predict(past)
        derivative = predictor.mean_derivative(ahead)
        contribution = derivative(ahead)
        explained += (contribution * smooth).sum(0).cpu().numpy()
        amplitude += contribution.abs().sum(0).cpu().numpy()
        if sums is not None:
            sums.add(past, smooth, derivative)
    if not np.isfinite(explained).all():
        movie.statistics()  # raises, and names the first frame that has a bad pixel
    power, masked = model.scale**2 / frames, model.masked_pixels(movie)
    images = [
        (it * by).astype(np.float32) for it, by in ((explained, power), (amplitude, model.scale / frames))
    ]
    for image in images:
        image[masked] = np.nan
    if sums is None:
        sources = SourceMaps((0, *model.frame_shape), lambda source: images[0])
    else:
        sources = sums.maps(predictor.source, chosen, power, masked)
    return ContributionMaps(images[0], images[1], sources)


@torch.no_grad()
def integrated_map(
    model: VARAutoencoder,
    movie: Movie,
    predictor: Predictor,
    part: csr_array,
    smoothing: Smoothing,
    progress: ProgressCallback | None,
) -> NDArray[np.float32]:
    """Map what some of the predictor's effects (d, p·d) explain, (Y, X), in squared movie units."""
    static, effects = static_picture(model, movie, progress), as_tensor(part).to(model.device)
    explained, frames = np.zeros(model.frame_shape), 0
    for past, actual in _few_at_a_time(predictable(model, movie, predictor, progress)):
        frames += len(actual)
        contribution = predictor.mean_derivative(predictor.predict(past))(predict(effects, past))
        explained += (contribution * _smooth(actual - static, smoothing)).sum(0).cpu().numpy()
    image: NDArray[np.float32] = (explained * (model.scale**2 / frames)).astype(np.float32)
    image[model.masked_pixels(movie)] = np.nan
    return image


def _few_at_a_time(batches: Iterator[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut batches into blocks of frames for which the derivatives stay in the processor's cache."""
    for past, frames in batches:
        most = max(1, PIXELS_AT_A_TIME // frames[0].numel())
        yield from zip(torch.split(past, most), torch.split(frames, most), strict=True)


def _smooth(frames: Tensor, smoothing: Smoothing) -> Tensor:
    margin = (smoothing.reach,) * 4
    return smoothing(pad(frames[:, None], margin, mode="replicate")[:, 0])


class _SourceSums:
    """Gathers ``Σ_t J̄_j[t] z̃_k[t−l] (x[t] − m)`` in the window of each target j, for the predictors that it has."""

    def __init__(self, network: ConvolutionalAutoencoder, effects: csr_array) -> None:
        self._network = network
        self._side = len(network.reach)
        count = np.diff(effects.indptr)
        width = max(1, int(count.max()))
        at = np.arange(width) < count[:, None]
        self._strengths = np.zeros((len(count), width), np.float32)
        self._strengths[at] = effects.data
        self._predictors = np.full((len(count), width), effects.shape[1])  # one more than there are: zero
        self._predictors[at] = effects.indices
        self._sums = torch.zeros(len(count), self._side**2, width, device=network.places.device)
        left, top = network.window_margins
        height, full = network.frame_shape
        rows, columns = ((size - 1) * network.stride + self._side for size in (network.rows, network.columns))
        self._margins = left, columns - full - left, top, rows - height - top

    def add(self, past: Tensor, frames: Tensor, derivative: Callable[[Tensor], Tensor]) -> None:
        """Take in frames (n, Y, X), less what is static, the past (n, p·d) of their latents, and `mean_derivative`."""
        network, period = self._network, math.ceil(self._side / self._network.stride)
        row, column = network.places // network.columns, network.places % network.columns
        colours = row % period * period + column % period
        by_predictor = pad(past.T, (0, 0, 0, 1))
        which = torch.from_numpy(self._predictors).to(past.device)
        for colour in range(period**2):
            members = (colours == colour).nonzero()[:, 0]
            if not len(members):
                continue
            part = past.new_zeros(len(past), network.latents)
            part[:, members] = 1
            shown = pad(derivative(part) * frames, self._margins)
            windows = shown.unfold(1, self._side, network.stride).unfold(2, self._side, network.stride)
            pixels = windows[:, row[members], column[members]].flatten(2).permute(1, 2, 0)
            values = by_predictor[which[members]].mT  # (members, n, width)
            self._sums[members] += pixels @ values

    def maps(
        self, source: NDArray[np.int64], chosen: Sequence[int], power: float, masked: NDArray[np.bool_]
    ) -> SourceMaps:
        """Return the maps of the sources, each made when it is looked at."""
        network = self._network
        parts = self._sums.cpu().numpy() * (power * self._strengths)[:, None]
        origins = np.append(source, -1)[self._predictors]
        places = network.places.cpu().numpy()
        corners = np.stack([places // network.columns, places % network.columns]) * network.stride
        left, right, top, bottom = self._margins
        height, width = network.frame_shape

        def image(number: int) -> NDArray[np.float32]:
            canvas = np.zeros((top + height + bottom, left + width + right), np.float32)
            for target, slot in zip(*np.nonzero(origins == chosen[number]), strict=True):
                y, x = corners[:, target]
                window = parts[target, :, slot].reshape(self._side, self._side)
                canvas[y : y + self._side, x : x + self._side] += window
            found = canvas[top : top + height, left : left + width]
            found[masked] = np.nan
            return found

        return SourceMaps((len(chosen), height, width), image)
