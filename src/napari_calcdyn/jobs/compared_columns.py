"""What a comparison compares: latents or activities of ROIs, as columns, and which connections they can have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.roi_var import OWN_ORDER
from napari_calcdyn.models.sources import NO_CELLS, roi_activity
from napari_calcdyn.models.var import Selection
from napari_calcdyn.models.var.weights import own_past_free
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.objective import configured_weights
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, RoiSet

from .cells_found import rois_with_activity
from .stages import in_stage


def columns_of(
    model: VARAutoencoder, movie: Movie, rois: RoiSet | None, progress: ProgressCallback | None
) -> NDArray[np.float32]:
    """Return what is compared of a recording, (T, d): its latents, or the activities of its ROIs."""
    return model.encode(movie, progress) if rois is None else roi_activity(movie, rois, progress=progress)


def order_of_comparison(config: VARAutoencoderConfig, rois: bool) -> int:
    """Return the number of lags p of a comparison: that of the settings; of ROIs, at least that of their own past."""
    return max(config.order, OWN_ORDER) if rois else config.order


def rules_of(model: VARAutoencoder, rois: RoiSet | None) -> dict[str, Any]:
    """Return which connections there can be, what each costs, and how λ is chosen."""
    config = model.config
    if rois is not None:
        return {"weights": own_past_free(len(rois), config.order, OWN_ORDER)}
    near = model.var.neighbourhoods
    return {
        "weights": configured_weights(model.network, config, near).cpu(),
        "neighbourhoods": near,
        "selection": Selection(config.selection, config.fraction, config.nonzeros),
    }


def activities_of(
    movies: Sequence[Movie], rois: RoiSet | None, tell: Callable[[Progress], None]
) -> tuple[RoiSet, list[NDArray[np.float32]]]:
    """Return the ROIs, found in the first recording where none are given, and their activities in each recording."""
    known = rois_with_activity(movies[0], rois, tell)
    if known is None:
        raise InputError(NO_CELLS)
    reading = in_stage(tell, "Reading the ROIs")
    return known[0], [known[1], *(roi_activity(it, known[0], progress=reading) for it in movies[1:])]
