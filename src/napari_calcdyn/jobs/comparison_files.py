"""Files of a comparison: numbers, maps and overview figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_calcdyn.analysis.sequences import Comparison
from napari_calcdyn.analysis.sequences.maps import ComparisonMaps
from napari_calcdyn.jobs.overviews.comparison import comparison_panels, save_overview
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import InputError, Movie, RoiSet
from napari_calcdyn.recording.packed import load_object, save_object
from napari_calcdyn.recording.rois.saved import save_rois
from napari_calcdyn.recording.writing import write_image

from .cells_found import write_cells_found
from .correcting import corrections_of
from .provenance import provenance
from .report.contents import report_comparison
from .result_folder import COMPARISON_FILE, ROIS_FILE, write_metrics

_MAPS = ("explained_a", "explained_b", "difference")


def save_comparison(
    folder: Path,
    movies: Sequence[Movie],
    a: Sequence[range],
    b: Sequence[range],
    comparison: Comparison,
    maps: ComparisonMaps,
    more: dict[str, Any],
    history: Sequence[Progress] = (),
    rois: RoiSet | None = None,
) -> dict[str, Any]:
    """Write a comparison into an empty folder.

    Parameters
    ----------
    folder : Path
        Empty; gets the files of ``jobs.result_folder.RESULTS["compare"]``.
    movies : sequence of Movie
        One, or two.
    a, b : sequence of range
        The compared stretches; `b` in the last of the movies.
    comparison : Comparison
        The result.
    maps : ComparisonMaps
        Its maps.
    more : dict
        More entries for ``comparison.json``.
    history : sequence of Progress
        Reports of the training; empty if a saved model was applied.
    rois : RoiSet, optional
        Those whose activities were compared.

    Returns
    -------
    dict
        Content of ``comparison.json``.
    """
    order, columns, _ = comparison.coefficients_a.shape
    found = {
        "statistic": comparison.statistic,
        "p_value": comparison.p_value,
        "block_length": comparison.block_length,
        "permutations": comparison.permutations,
        "effect": comparison.effect,
        "edges": [_edge(edge) for edge in comparison.edges()],
        "loudness_p_value": float(comparison.loudness_p.min()),
        "louder": _louder(comparison),
        "a": [[it.start, it.stop] for it in a],
        "b": [[it.start, it.stop] for it in b],
        "samples": list(comparison.samples),
        "order": order,
        "latents" if rois is None else "rois": columns,
        "movies": [str(movie.path or movie.name) for movie in movies],
        "cells_found": write_cells_found(folder, rois, movies[0].pixel_size),
        **corrections_of(*movies),
        **({} if "provenance" in more else provenance([*movies, *([] if rois is None else [rois])], None)),
        **more,
    }
    for name in _MAPS:
        write_image(folder / f"{name}.tif", getattr(maps, name))
    save_object(folder / COMPARISON_FILE, comparison)
    panels = comparison_panels(movies, a, b, comparison, maps, history)
    save_overview(folder / "overview.png", panels, movies, comparison)
    report_comparison(folder, " and ".join(movie.name for movie in movies), panels, found)
    if rois is not None:
        save_rois(folder / ROIS_FILE, rois)
    write_metrics(folder, "compare", found)
    return found


def load_comparison(folder: Path) -> tuple[Comparison, ComparisonMaps]:
    """Read what `save_comparison` wrote of the result.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    comparison : Comparison
        As it was.
    maps : ComparisonMaps
        Its maps.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    comparison = load_object(folder / COMPARISON_FILE, Comparison)
    try:
        maps = ComparisonMaps(*(tifffile.imread(folder / f"{name}.tif") for name in _MAPS))
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise InputError(f"{folder} has no maps that can be read: compare again.") from error
    return comparison, maps


def _louder(comparison: Comparison) -> list[dict[str, Any]]:
    """List the latents or ROIs that are livelier in one condition, the largest change first."""
    found = np.flatnonzero(comparison.loudness_p <= 0.05)
    found = found[np.argsort(-np.abs(np.log(comparison.loudness[found])), kind="stable")]
    return [
        {
            "source": int(comparison.names[latent]),
            "ratio": float(comparison.loudness[latent]),
            "p_value": float(comparison.loudness_p[latent]),
        }
        for latent in found
    ]


def _edge(edge: Any) -> dict[str, Any]:
    return {
        "source": int(edge["source"]),
        "target": int(edge["target"]),
        "lag": int(edge["lag"]),
        "a": float(edge["before"]),
        "b": float(edge["after"]),
        "p_value": float(edge["p_value"]),
    }
