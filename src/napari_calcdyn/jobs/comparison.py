"""Job that compares two conditions: test, changed connections and maps, in a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.sequences import Comparison, compare_sequences
from napari_calcdyn.analysis.sequences.condition_blocks import check_ranges
from napari_calcdyn.analysis.sequences.maps import ComparisonMaps, Condition, comparison_maps
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.roi_var.basis import encoded_pictures, pictures_of
from napari_calcdyn.models.training import drive
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, RoiSet
from napari_calcdyn.recording.movies import check_frame_rates, join
from napari_calcdyn.recording.progress import part_of
from napari_calcdyn.recording.writing import writing

from .compared_columns import activities_of, columns_of, order_of_comparison, rules_of
from .comparison_files import save_comparison
from .correcting import corrected
from .provenance import provenance
from .result_folder import result_folder
from .stages import in_stage

__all__ = ["ComparisonMaps", "check_conditions", "compare", "run_compare"]


def check_conditions(
    movies: Movie | Sequence[Movie],
    a: Sequence[range],
    b: Sequence[range],
    order: int,
    block: int | Literal["auto"] = "auto",
) -> None:
    """Raise InputError if two conditions cannot be compared, before anything is computed.

    Parameters
    ----------
    movies : Movie, or sequence of one or two
        As for `compare`.
    a, b : sequence of range
        Stretches of frames.
    order : int
        Number of lags p.
    block : int or "auto"
        Frames in a block.

    Raises
    ------
    InputError
        If a stretch is outside its recording, two stretches of one recording overlap, a condition is too short or has
        room for too few blocks, or two recordings differ in frame rate.
    """
    of = _one_or_two(movies)
    check_ranges(a, b, tuple(movie.valid_frames for movie in of), order, block)
    check_frame_rates(of[0], of[-1])


def compare(
    model: VARAutoencoder,
    movies: Movie | Sequence[Movie],
    a: Sequence[range],
    b: Sequence[range],
    *,
    rois: RoiSet | None = None,
    columns: Sequence[NDArray[np.float32]] | None = None,
    permutations: int = 999,
    block: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> tuple[Comparison, ComparisonMaps]:
    """Compare two conditions of a recording, or two recordings of one field of view.

    What is compared is the VAR of the model's latents; or that of the activities of ROIs, whose own past is free.

    Parameters
    ----------
    model : VARAutoencoder
        Its network computes the latents and the maps; its settings give the order, and for latents the penalty
        weights and the rule for λ.
    movies : Movie, or sequence of one or two
        With two, `a` counts frames of the first and `b` frames of the second.
    a, b : sequence of range
        Stretches of frames.
    rois : RoiSet, optional
        Compare the activities of these, in place of latents.
    columns : sequence of ndarray (T, d), optional
        Latents of the movies, or activities of the ROIs, if they are known.
    permutations : int
        Number of permutations.
    block : int or "auto"
        Frames in a block.
    seed : int
        Of the permutations.
    progress : callable or None
        Called with units of work done and in all, frames and permutations; returns True to stop.

    Returns
    -------
    comparison : Comparison
        See `compare_sequences`.
    maps : ComparisonMaps
        Maps of the change.

    Raises
    ------
    InputError
        If the conditions cannot be compared, the network is not linear, or frames or ROIs have another size than the
        model's.
    Cancelled
        If `progress` asked to stop.
    """
    of = _one_or_two(movies)
    _check_linear(model.config)
    order = order_of_comparison(model.config, rois is not None)
    check_conditions(of, a, b, order, block)
    for movie in of:
        model.check(movie)
        if rois is not None:
            rois.check_frame_shape(movie.frame_shape)
    read = 0 if columns is not None else sum(movie.n_frames for movie in of)
    permuted = read + permutations
    total = permuted + sum(map(len, a)) + sum(map(len, b))
    if columns is None:
        ends = [0, of[0].n_frames, read]
        columns = [
            columns_of(model, movie, rois, part_of(progress, start, stop, total))
            for movie, (start, stop) in zip(of, pairwise(ends), strict=False)
        ]
    joint = len(columns[0]) if len(of) == 2 else 0
    comparison = compare_sequences(
        np.concatenate(columns),
        a,
        [range(it.start + joint, it.stop + joint) for it in b],
        order=order,
        **rules_of(model, rois),
        permutations=permutations,
        block=block,
        seed=seed,
        progress=part_of(progress, read, permuted, total),
    )
    encoded = None
    if rois is not None:
        comparison = replace(comparison, ids=rois.ids)
        encoded = encoded_pictures(model, pictures_of(model, rois))
    conditions = Condition(of[0], columns[0], a), Condition(of[-1], columns[-1], b)
    mapping = part_of(progress, permuted, total, total)
    return comparison, comparison_maps(model, comparison, *conditions, mapping, encoded)


def run_compare(
    movies: Movie | Sequence[Movie],
    a: Sequence[range],
    b: Sequence[range],
    folder: str | Path,
    model: VARAutoencoderConfig | VARAutoencoder,
    *,
    rois: RoiSet | Literal["found"] | None = None,
    correct: str | None = None,
    permutations: int = 999,
    block: int | Literal["auto"] = "auto",
    device: str = "auto",
    seed: int = 0,
    command_line: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Train a model or apply one, compare two conditions, and write the results.

    Parameters
    ----------
    movies : Movie, or sequence of one or two
        As for `compare`.
    a, b : sequence of range
        Stretches of frames.
    folder : str or Path
        Gets the files of ``jobs.result_folder.RESULTS["compare"]``, all or none.
    model : VARAutoencoderConfig or VARAutoencoder
        Settings to train with, on the recording or on both one after the other; or a fitted model.
    rois : RoiSet or "found", optional
        Compare the activities of these in place of latents, or of cells that are found in the first recording.
    correct : str, optional
        What to correct in the recording; see `jobs.correcting.corrected`.
    permutations : int
        Number of permutations.
    block : int or "auto"
        Frames in a block.
    device : str
        Where to train: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    seed : int
        Of the training and of the permutations.
    command_line : str, optional
        What was typed, for the report; None in Python and in the window.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.

    Returns
    -------
    dict
        Content of ``comparison.json``.

    Raises
    ------
    InputError
        If the recordings or stretches cannot be compared, the network is not linear, the ROIs belong to frames of
        another size, no cells are found, or the folder cannot be written or holds other files.
    """
    start = time.monotonic()
    tell = on_progress or (lambda progress: None)
    of = _one_or_two(movies)

    with result_folder(folder, "compare") as new:
        settings = model.config if isinstance(model, VARAutoencoder) else model
        _check_linear(settings)
        given = rois if isinstance(rois, RoiSet) else None
        order = order_of_comparison(settings, rois is not None)
        check_conditions(of, a, b, order, block)
        if given is not None:
            for movie in of:
                given.check_frame_shape(movie.frame_shape)
        made = provenance(
            [*of, *([] if given is None else [given])],
            settings,
            seed=seed,
            device=device,
            command_line=command_line,
        )
        of = corrected(of, correct, model, tell)
        history: list[Progress] = []
        if isinstance(model, VARAutoencoder):
            fitted = model
        else:
            whole = of[0] if len(of) == 1 else join(of, in_stage(tell, "Computing mean frames"))
            fitted, history = drive(VARAutoencoder(model).fit_steps(whole, device=device, seed=seed), tell)
        cells, columns = activities_of(of, given, tell) if rois is not None else (None, None)
        comparison, maps = compare(
            fitted,
            of,
            a,
            b,
            rois=cells,
            columns=columns,
            permutations=permutations,
            block=block,
            seed=seed,
            progress=in_stage(tell, "Comparing"),
        )
        tell(Progress("Writing the results"))
        more = {"seed": seed, "seconds": round(time.monotonic() - start, 3), **made}
        with writing(folder):
            found = save_comparison(new, of, a, b, comparison, maps, more, history, cells)
    return found


def _check_linear(settings: VARAutoencoderConfig) -> None:
    if settings.network == "convolutional":
        raise InputError("A comparison needs a linear network: choose the network “footprints”.")


def _one_or_two(movies: Movie | Sequence[Movie]) -> list[Movie]:
    of = [movies] if isinstance(movies, Movie) else list(movies)
    if len(of) not in (1, 2):
        raise InputError(f"{len(of)} recordings cannot be compared: choose one or two.")
    return of
