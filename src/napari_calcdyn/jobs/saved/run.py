"""Files of a run: model, latents, maps, connections, overview and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.jobs.between_rois import BetweenRois
from napari_calcdyn.jobs.correcting import corrections_of
from napari_calcdyn.jobs.overviews.maps import run_panels, save_overview
from napari_calcdyn.jobs.report.contents import report_run
from napari_calcdyn.jobs.result_folder import write_metrics
from napari_calcdyn.jobs.together import OneOfSeveral, panels_of_each, save_each
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var import VAR
from napari_calcdyn.models.var_autoencoder import VARAutoencoder
from napari_calcdyn.recording import Movie
from napari_calcdyn.recording.writing import write_image


def save_run(
    folder: Path,
    movie: Movie,
    model: VARAutoencoder,
    latents: NDArray[np.float32],
    between: BetweenRois,
    history: Sequence[Progress],
    metrics: dict[str, Any],
    *,
    each: Sequence[OneOfSeveral] = (),
) -> None:
    """Write a run into an empty folder.

    Parameters
    ----------
    folder : Path
        Empty; gets the files of ``jobs.result_folder.RESULTS["run"]``, and some of ``ONLY_SOMETIMES``.
    movie : Movie
        The recording, corrected.
    model : VARAutoencoder
        The fitted model.
    latents : ndarray (T, d), float32
        Of the recording.
    between : BetweenRois
        Maps and connections.
    history : sequence of Progress
        Reports of the training; empty if a saved model was applied.
    metrics : dict
        Content of ``metrics.json``, which gets what is found while writing.
    each : sequence of OneOfSeveral
        What was found in each of several recordings.
    """
    write_image(folder / "mean.tif", movie.mean_frame(), movie.pixel_size)
    np.save(folder / "latents.npy", latents)
    coefficients: dict[str, Any] = _coefficients(model.var)
    np.savez_compressed(  # most coefficients are zero
        folder / "var.npz",
        **coefficients,
        lam=model.var.lam,
        knots=model.var.path.knots.numpy(),
        mean=model.var.mean,
        latent_centres=model.latent_centres,
    )
    model.save(folder / "model")
    metrics["cells_found"] = between.save(folder, movie)
    save_each(folder, each, movie.pixel_size)
    panels = [*run_panels(movie, model, latents, between, history), *panels_of_each(movie, each)]
    save_overview(folder / "overview.png", panels, movie, model, metrics)
    metrics |= {"movie": str(movie.path or movie.name), **corrections_of(movie)}
    report_run(folder, movie.name, panels, between.influence, metrics)
    write_metrics(folder, "run", metrics)


def _coefficients(var: VAR) -> dict[str, NDArray[Any]]:
    """Return all coefficients, or a list of those that are not zero where only neighbours can have one."""
    if var.neighbourhoods is None:
        return {"coefficients": var.coefficients}
    tables = [csr_array(table).tocoo() for table in var.tables]
    columns = {
        "lag": np.repeat(np.arange(1, var.order + 1), [table.nnz for table in tables]),
        "target": np.concatenate([table.row for table in tables]),
        "source": np.concatenate([table.col for table in tables]),
    }
    values = np.concatenate([table.data for table in tables])
    return {name: column.astype(np.int32) for name, column in columns.items()} | {"value": values}
