"""The frames of a recording that have a past, which maps go through."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models.var.moments import with_past
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, report
from napari_calcdyn.recording.errors import size_text

from .predictor import Predictor
from .roi_predictor import RoiPredictor


def static_picture(model: VARAutoencoder, movie: Movie, progress: ProgressCallback | None) -> Tensor:
    """Return the static picture that is still in normalised frames, (Y, X).

    There is one where there is no skip, and in another recording than the one the model was trained on.
    """
    model.check(movie)
    rest = np.nan_to_num((movie.mean_frame(progress) - model.offset) / np.float32(model.scale))
    return torch.from_numpy(rest).to(model.device)


def predictable(
    model: VARAutoencoder,
    movie: Movie,
    predictor: Predictor | RoiPredictor,
    progress: ProgressCallback | None,
    known: NDArray[np.float32] | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Go through the frames that have a past, and encode them unless their latents (T, d) are known.

    Yields
    ------
    past : Tensor (n, p·d)
        Values of the predictors.
    frames : Tensor (n, Y, X)
        Normalised.
    """
    if movie.n_frames <= predictor.order:
        raise InputError(
            f"{movie.name} has {movie.n_frames} frames and the model looks {predictor.order} frames back:"
            " open a longer recording."
        )
    if known is not None and known.shape != (movie.n_frames, model.network.latents):
        raise InputError(
            f"The latents are {size_text(known.shape)}, but {movie.name} has {movie.n_frames} frames and the model"
            f" {model.network.latents} latents: encode the recording again."
        )
    frames = model.normalised(movie)
    valid = torch.from_numpy(movie.valid_frames)
    if not with_past(valid[None], predictor.order).any():
        raise InputError(
            f"{movie.name} has no frame with a past, bad frames leave none: check the recording."
        )
    latents = torch.empty(0, model.network.latents, device=model.device)
    for start, block in frames.batches(0, movie.n_frames):
        if known is None:
            new = predictor.encode(block)
        else:  # NaN in frames that are left out, which are not used
            new = predictor.centred(
                torch.from_numpy(known[start : start + len(block)]).to(latents).nan_to_num()
            )
        latents = torch.cat([latents, new])
        count = len(latents) - predictor.order
        if count > 0:
            past, actual = predictor.past(latents, start + len(block) - len(latents)), block[-count:]
            stop = start + len(block)
            whole = with_past(valid[None, stop - len(latents) : stop], predictor.order)[0]
            if not whole.all():
                past, actual = past[whole.to(past.device)], actual[whole.to(past.device)]
            if len(actual):
                yield past, actual
            latents = latents[count:]
        report(progress, start + len(block), movie.n_frames)
