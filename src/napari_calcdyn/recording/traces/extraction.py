"""Extraction of traces from a movie, in one pass."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import count_text
from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.movies.statistics import BLOCK_BYTES
from napari_calcdyn.recording.progress import ProgressCallback, report
from napari_calcdyn.recording.rois import RoiSet

from .traces import PARTS, Traces


def extract_traces(
    movie: Movie, rois: RoiSet, *, neuropil: float | None = None, progress: ProgressCallback | None = None
) -> Traces:
    r"""Read the fluorescence of all ROIs in one pass over the movie.

    The trace of ROI $r$ is $\langle f_r, x_t\rangle - c\,\langle g_r, x_t\rangle$, with its weights
    $f_r$ and those $g_r$ of the ring of neuropil round it, both of sum 1. Summed in double precision.
    In memory are two blocks of the movie and the traces.

    Parameters
    ----------
    movie : Movie
        The movie.
    rois : RoiSet
        Of frames of the same size.
    neuropil : float or None
        Coefficient c, often 0.7; None leaves the neuropil in. With all ROIs of the recording in `rois` the rings
        stay clear of them; select afterwards.
    progress : callable or None
        Called with frames done and frames in all; returns True to stop.

    Returns
    -------
    Traces
        One for each ROI, with its id. NaN in frames that are left out, and where one of its pixels is NaN or infinite.
        Masked pixels do not count; warnings in the provenance say of which ROIs they take a
        part, and what was left out of the ROIs' file.

    Raises
    ------
    InputError
        If the frames have another size, or there is no neuropil round an ROI.
    Cancelled
        If `progress` asked to stop.
    """
    rois.check_frame_shape(movie.frame_shape)
    weights = rois.within(movie.valid_pixels).footprints.astype(np.float64)
    if neuropil is not None:
        rings = rois.neuropil().within(movie.valid_pixels)
        weights = weights - neuropil * rings.footprints.astype(np.float64)
    values = weighted_pixels(movie, weights, progress)
    values[:, ~movie.valid_frames] = np.nan
    provenance: dict[str, Any] = {
        "movie": str(movie.path or movie.name),
        "rois": rois.provenance,
        "neuropil": None if neuropil is None else {"coefficient": neuropil},
    }
    if len(movie.parts) > 1:
        provenance[PARTS] = [[it.frames.start, it.frames.stop] for it in movie.parts]
    warnings = list(rois.notes)
    if movie.corrections is not None:
        provenance |= movie.corrections.record()
        share = rois.masked_share(movie.valid_pixels)
        if share.any():
            warnings.append(
                f"{count_text(int((share > 0).sum()), 'ROI')} of {len(rois)} lie partly on masked pixels, with up to"
                f" {100 * share.max():.0f} % of their weight."
            )
    if warnings:
        provenance["warnings"] = warnings
    return Traces(
        values, rois.ids, frame_rate=movie.frame_rate, name=f"traces of {movie.name}", provenance=provenance
    )


def weighted_pixels(movie: Movie, weights: Any, progress: ProgressCallback | None) -> NDArray[np.float32]:
    """Return ``weights @ pixels`` of every frame, (N, T)."""
    from .footprint_product import LANES, weighted_sums  # numba loads when it is needed

    indptr, pixels = weights.indptr.astype(np.int64), weights.indices.astype(np.int32)
    values = np.empty((weights.shape[0], movie.n_frames), np.float32)
    workers = min(4, os.cpu_count() or 1)
    # Rows of about as many pixels for each.
    shares = np.searchsorted(indptr, np.linspace(0, indptr[-1], workers + 1)[1:-1])
    bounds = [0, *(int(share) for share in shares), len(values)]
    group = LANES * movie.nbytes // movie.n_frames
    block_bytes = min(max(BLOCK_BYTES // group * group, group), 4 * BLOCK_BYTES)
    report(progress, 0, movie.n_frames)
    with ThreadPoolExecutor(workers, thread_name_prefix="traces") as pool:
        for start, block in movie.blocks(block_bytes):
            frames = _readable(block.reshape(len(block), -1))
            out = values[:, start : start + len(block)]
            tasks = [
                pool.submit(weighted_sums, frames, indptr, pixels, weights.data, first, last, out)
                for first, last in pairwise(bounds)
            ]
            for task in tasks:
                task.result()
            report(progress, start + len(block), movie.n_frames)
            del block, frames, out, tasks  # else this block stays in memory while the next two are read
    return values


def _readable(frames: NDArray[Any]) -> NDArray[Any]:
    """Return frames in a dtype that compiled code takes: half and extended precision become double."""
    return frames.astype(np.float64) if frames.dtype.kind == "f" and frames.itemsize not in (4, 8) else frames
