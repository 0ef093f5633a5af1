"""The part of a run that looks at each of several recordings that were joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.maps import contribution_maps, driven_maps
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.held_out import guess_by, held_out_errors
from napari_calcdyn.models.var_autoencoder.split import held_out_stretches
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.movies import arranged, arranged_rows
from napari_calcdyn.recording.ranges import Part
from napari_calcdyn.recording.writing import write_image

from .between_rois import BetweenRois
from .overviews.map_panel import map_panel
from .overviews.panels import Panel
from .result_folder import BY_RECORDING
from .stages import in_stage

_MAPS = ("explained", "amplitude", "own", "driven", "driving")
_MOST_PANELS = 6
_SHARED = ("reconstruction_error", "latent_prediction_error", "picture_prediction_error", "latent_snr")


@dataclass(frozen=True, eq=False)
class OneOfSeveral:
    """What a model of several recordings says about one of them.

    Attributes
    ----------
    part : Part
        Its name and frames.
    maps : dict of str to ndarray (Y, X), float32
        Of its frames, by kind, as in `ContributionMaps`.
    errors : dict of str to float or None
        Measured on its held-out frames.
    """

    part: Part
    maps: dict[str, NDArray[np.float32]]
    errors: dict[str, float | None]

    @property
    def metrics(self) -> dict[str, Any]:
        """What goes into ``metrics.json``."""
        return {
            "name": self.part.name,
            "start": self.part.frames.start,
            "stop": self.part.frames.stop,
            **{name: self.errors[name] for name in _SHARED},
        }


def look_at_each(
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    between: BetweenRois,
    tell: Callable[[Progress], None],
) -> list[OneOfSeveral]:
    """Map each recording by itself with the model of all, and measure the model on its held-out frames.

    Parameters
    ----------
    movie : Movie
        The recordings, joined; of one recording there is nothing to do.
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the movie.
    between : BetweenRois
        The VAR between ROIs, where there are any.
    tell : callable
        Called with every progress report; may raise to end the job.

    Returns
    -------
    list of OneOfSeveral
        In the order of time; empty for a single recording.
    """
    if len(movie.parts) == 1:
        return []
    mapping, order = in_stage(tell, "Mapping each recording"), model.var.order
    frames = TiledFrames(model.normalised(movie), model.network)
    found = []
    for part, late in zip(movie.parts, held_out_stretches(movie, model.config.held_out), strict=True):
        alone, mine = arranged(movie, [part.frames]), arranged_rows(latents, [part.frames])
        if between.fitted is None or between.activity is None:
            maps = contribution_maps(model, alone, sources=False, progress=mapping)
        else:
            activity = arranged_rows(between.activity, [part.frames])
            maps = driven_maps(model, alone, between.fitted, activity, latents=mine, progress=mapping)
        images = {name: getattr(maps, name) for name in _MAPS}
        last = latents[late.start - order : late.stop]
        errors = held_out_errors(
            model.network, frames, last, late.start, model.scale, order, guess_by(model.var, last)
        )
        found.append(OneOfSeveral(part, {name: it for name, it in images.items() if it is not None}, errors))
    return found


def save_each(folder: Path, each: Sequence[OneOfSeveral], pixel_size: tuple[float, float] | None) -> None:
    """Write the maps of each recording into a folder of their own, one stack (recordings, Y, X) for each kind."""
    if each:
        (folder / BY_RECORDING).mkdir()
        for name in each[0].maps:
            write_image(
                folder / BY_RECORDING / f"{name}.tif", np.stack([it.maps[name] for it in each]), pixel_size
            )


def panels_of_each(movie: Movie, each: Sequence[OneOfSeveral]) -> list[Panel]:
    """Return the explained maps of the first recordings as panels of the same colours."""
    high = max((float(np.nanpercentile(it.maps["explained"], 99.7)) for it in each), default=0.0)
    return [
        map_panel(
            f"Explained in {it.part.name}",
            "The explained map of this recording by itself, in the colours of the others beside it.",
            it.maps["explained"],
            movie,
            "counts²",
            high,
        )
        for it in each[:_MOST_PANELS]
    ]
