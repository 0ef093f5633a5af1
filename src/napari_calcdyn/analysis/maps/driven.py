"""Contribution maps of a VAR between ROIs: own past, driven and driving.

The prediction of a frame is the picture of what each place's own past predicts, and of what comes from other ROIs.
The decoder is linear, so both parts and each source have a map of their own, and the maps add up.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.roi_var import RoiVAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie, ProgressCallback, RoiSet

from .pixel_sums import PixelSums
from .predictable import predictable, static_picture
from .result import ContributionMaps
from .roi_predictor import RoiPredictor
from .smoothing import Smoothing


@torch.no_grad()
def driven_maps(
    model: VARAutoencoder,
    movie: Movie,
    fitted: RoiVAR,
    activity: NDArray[np.float32],
    *,
    latents: NDArray[np.float32] | None = None,
    progress: ProgressCallback | None = None,
) -> ContributionMaps:
    """Compute the maps in one pass over the movie, some frames at a time.

    Parameters
    ----------
    model : VARAutoencoder
        The fitted model.
    movie : Movie
        Of the frame size that the model was trained on.
    fitted : RoiVAR
        The VAR between its ROIs.
    activity : ndarray (T, N), float32
        Of the ROIs.
    latents : ndarray (T, d), float32, optional
        Of the recording, as `VARAutoencoder.encode` returns them; without them, frames are encoded on the way.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    ContributionMaps
        With `own`, `driven` and `driving`. The sources are the N ROIs, and as the last one what belongs to none.

    Raises
    ------
    InputError
        If the frames have another size than the model's, the movie is too short for the VAR's order, the latents are of
        another number of frames, or a pixel is NaN or infinite.
    Cancelled
        If `progress` asked to stop.
    """
    predictor = RoiPredictor(model, fitted, activity)
    smoothing = Smoothing(fitted.smoothing)
    sums = PixelSums(predictor.canvas, predictor.effects, smoothing, static_picture(model, movie, progress))
    amplitude, frames = np.zeros(model.frame_shape), 0
    for past, actual in predictable(model, movie, predictor, progress, latents):
        frames += len(actual)
        sums.add(past, actual)
        amplitude += predictor.canvas.absolute(predictor.predict(past)).cpu().numpy()
    split = sums.split()
    if not split.finite:
        movie.statistics()  # raises, and names the first frame that has a bad pixel
    power, masked = model.scale**2 / frames, model.masked_pixels(movie)
    own, driven = (split.total(it) * np.float32(power) for it in (predictor.own, predictor.driven))
    delivered = power * split.sums(predictor.driven, predictor.source, ~masked)
    driving = _at_sources(fitted.rois, delivered, model.frame_shape)
    amplitude *= model.scale / frames
    images = [it.astype(np.float32) for it in (own + driven, amplitude, own, driven, driving)]
    for image in images:
        image[masked] = np.nan
    explained, size, own, driven, driving = images
    sources = range(len(fitted.rois) + 1)
    maps = split.maps(predictor.effects, predictor.source, sources, power, masked)
    return ContributionMaps(explained, size, maps, own, driven, driving)


def _at_sources(
    rois: RoiSet, delivered: NDArray[np.float64], frame_shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Draw what each ROI explains elsewhere in its own place: the picture adds up to the same."""
    power = rois.footprints.multiply(rois.footprints)
    total = np.asarray(power.sum(axis=1)).ravel()
    density = np.divide(delivered[: len(rois)], total, out=np.zeros(len(rois)), where=total > 0)
    driving: NDArray[np.float32] = (density @ power).reshape(frame_shape)
    return driving
