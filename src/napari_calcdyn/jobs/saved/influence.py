"""Files of tested connections: table, graph, overview and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_calcdyn.analysis.influence.influence import Influence
from napari_calcdyn.jobs.between_rois import ALPHA
from napari_calcdyn.jobs.cells_found import write_cells_found
from napari_calcdyn.jobs.correcting import corrections_of
from napari_calcdyn.jobs.overviews.connections import connection_panels
from napari_calcdyn.jobs.overviews.influence import save_overview
from napari_calcdyn.jobs.report.contents import report_influence
from napari_calcdyn.jobs.result_folder import ROIS_FILE, read_metrics, write_metrics
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.rois.saved import load_rois, save_rois

TABLE = "influence.csv"


def save_influence(
    folder: Path, movie: Movie, rois: RoiSet, influence: Influence, metrics: dict[str, Any]
) -> None:
    """Write tested connections into an empty folder.

    Parameters
    ----------
    folder : Path
        Empty; gets the files of ``jobs.result_folder.RESULTS["influence"]``, and some of ``ONLY_SOMETIMES``.
    movie : Movie
        The recording, corrected.
    rois : RoiSet
        Its ROIs.
    influence : Influence
        Their connections.
    metrics : dict
        Content of ``influence.json``, with what it was made from; gets what is found while writing.
    """
    metrics |= {
        "movie": str(movie.path or movie.name),
        **corrections_of(movie),
        "rois": len(rois),
        "block_length": influence.block_length,
        "edges": len(influence.edges(alpha=ALPHA)),
        "alpha": ALPHA,
    }
    influence.write_csv(folder / TABLE)
    influence.write_graphml(folder / "influence.graphml", alpha=ALPHA)
    save_rois(folder / ROIS_FILE, rois)
    metrics["cells_found"] = write_cells_found(folder, rois, movie.pixel_size)
    panels = connection_panels(movie, rois, influence, ALPHA)
    save_overview(folder / "overview.png", panels, movie, len(rois), metrics["edges"], ALPHA)
    report_influence(folder, movie.name, panels, influence, metrics)
    write_metrics(folder, "influence", metrics)


def load_influence(folder: Path) -> tuple[RoiSet, Influence]:
    """Read what `save_influence` wrote.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    rois : RoiSet
        The ROIs.
    influence : Influence
        Their connections, each at its strongest lag.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    rois, order = load_rois(folder / ROIS_FILE), read_metrics(folder, "influence").get("order")
    if not isinstance(order, int) or not 0 < order <= 1000:
        raise InputError(f"{folder} does not say how many lags were tested: run `calcdyn influence` again.")
    return rois, Influence.load(folder / TABLE, rois, order)
