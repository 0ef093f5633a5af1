"""The part of a run that looks at cells: which are there, what drives them, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.influence import Influence
from napari_calcdyn.analysis.influence.influence import influence_of
from napari_calcdyn.analysis.maps import ContributionMaps, contribution_maps, driven_maps
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.roi_var import RoiVAR, fit_roi_var
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.models.var_autoencoder.held_out import ERRORS, held_out_errors
from napari_calcdyn.models.var_autoencoder.split import held_out_last
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.movies import arranged, arranged_rows
from napari_calcdyn.recording.rois.saved import load_rois, save_rois
from napari_calcdyn.recording.saved_arrays import load_array

from .cells_found import rois_with_activity, write_cells_found
from .result_folder import ROIS_FILE, TRACES_FILE
from .stages import in_stage

ALPHA = 0.05
"""Largest family-wise p-value of a connection that is drawn and counted; the table has all connections."""
VISIBLE = 0.02
"""Part of what is explained that is drawn bright in the driven and driving maps, or noise would look like much."""
TABLE, GRAPH = "connections.csv", "connections.graphml"


@dataclass(frozen=True, eq=False)
class BetweenRois:
    """Maps of a recording, and the connections between its ROIs.

    Attributes
    ----------
    maps : ContributionMaps
        With own, driven and driving maps, where there are ROIs; else the sources are latents.
    fitted : RoiVAR or None
        The VAR between ROIs; None without ROIs.
    activity : ndarray (T, N), float32, or None
        Of the ROIs.
    influence : Influence or None
        Its connections, tested.
    errors : dict
        Of predictions on the held-out frames, as from `held_out_errors`.
    looked_for_cells : bool
        Not with a convolutional network, which cannot split a frame into cells and the rest.
    """

    maps: ContributionMaps
    fitted: RoiVAR | None
    activity: NDArray[np.float32] | None
    influence: Influence | None
    errors: dict[str, float | None]
    looked_for_cells: bool = True

    @property
    def metrics(self) -> dict[str, Any]:
        """What goes into ``metrics.json``."""
        if self.fitted is None or self.influence is None:
            return self.errors | {"rois": 0}
        return self.errors | {
            "rois": len(self.fitted.rois),
            "roi_connections": len(self.influence.edges(alpha=ALPHA)),
            "alpha": ALPHA,
        }

    def save(self, folder: Path, movie: Movie) -> int | None:
        """Write maps and connections; returns how many cells were found, None where none were looked for."""
        self.maps.save(folder, pixel_size=movie.pixel_size)
        if self.fitted is None or self.influence is None or self.activity is None:
            return 0 if self.looked_for_cells else None
        self.influence.write_csv(folder / TABLE)
        self.influence.write_graphml(folder / GRAPH, alpha=ALPHA)
        save_rois(folder / ROIS_FILE, self.fitted.rois)
        np.save(folder / TRACES_FILE, np.ascontiguousarray(self.activity.T))
        return write_cells_found(folder, self.fitted.rois, movie.pixel_size)

    @classmethod
    def load(cls, folder: Path, model: VARAutoencoder, metrics: Mapping[str, Any]) -> BetweenRois:
        """Read what `save` wrote into a folder of ``calcdyn run``; no frame is needed.

        Parameters
        ----------
        folder : Path
            With ``latents.npy`` beside what `save` wrote. Without ROIs in it, only the maps are read.
        model : VARAutoencoder
            The model of the run.
        metrics : mapping
            Content of ``metrics.json``.

        Returns
        -------
        BetweenRois
            The VAR is estimated again from the latents and the activity.

        Raises
        ------
        InputError
            If a file is missing or damaged, or the files do not belong together.
        """
        maps = ContributionMaps.load(folder)
        if not (folder / ROIS_FILE).exists():
            return cls(maps, None, None, None, {})
        rois = load_rois(folder / ROIS_FILE)
        latents = load_array(folder / "latents.npy")
        activity = np.ascontiguousarray(load_array(folder / TRACES_FILE).T)
        if activity.shape != (len(latents), len(rois)) or latents.shape[1:] != model.var.mean.shape:
            raise InputError(
                f"The latents, ROIs and activities in {folder} do not belong together: run `calcdyn run` again."
            )
        fitted = fit_roi_var(model, latents, activity, rois)
        influence = Influence.load(folder / TABLE, rois, fitted.lags)
        errors = {name: metrics[name] for name in ERRORS if name in metrics}
        return cls(maps, fitted, activity, influence, errors)


def look_between_rois(
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    rois: RoiSet | None,
    seed: int,
    tell: Callable[[Progress], None],
) -> BetweenRois:
    """Find the cells, estimate and test what drives them, and compute the maps.

    Parameters
    ----------
    movie : Movie
        The recording.
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording.
    rois : RoiSet or None
        Its ROIs; None finds cells.
    seed : int
        Of the surrogates.
    tell : callable
        Called with every progress report; may raise to end the job.

    Returns
    -------
    BetweenRois
        Without a VAR between ROIs where no cells are found, or the network is not linear.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size.
    """
    mapping = in_stage(tell, "Mapping contributions")
    linear = model.config.network == "footprints"
    known = rois_with_activity(movie, rois, tell) if linear else None
    if known is None:
        maps = contribution_maps(model, movie, progress=mapping)
        return BetweenRois(maps, None, None, None, {}, looked_for_cells=linear)
    rois, activity = known
    errors = _held_out(movie, model, latents, activity, rois)
    fitted = fit_roi_var(model, latents, activity, rois)
    testing = in_stage(tell, "Testing connections")
    influence = influence_of(fitted.var, activity, rois, fitted.lags, seed=seed, progress=testing)
    maps = driven_maps(model, movie, fitted, activity, latents=latents, progress=mapping)
    return BetweenRois(maps, fitted, activity, influence, errors)


def _held_out(
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    activity: NDArray[np.float32],
    rois: RoiSet,
) -> dict[str, float | None]:
    """Fit a VAR between ROIs to the frames that are not held out, and measure it on the others."""
    stretches, known = held_out_last(movie, model.config.held_out)
    latents, activity = (arranged_rows(it, stretches) for it in (latents, activity))
    movie = arranged(movie, stretches)
    before = fit_roi_var(model, latents[:known], activity[:known], rois)
    late, lively = (it[known - before.order :] for it in (latents, activity))

    def guess(some: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        both = [before.predict(late[some], lively[some], others=others) for others in (True, False)]
        return both[0], both[1]

    frames = TiledFrames(model.normalised(movie), model.network)
    return held_out_errors(model.network, frames, late, known, model.scale, before.order, guess)
