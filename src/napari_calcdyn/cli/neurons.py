"""``calcdyn neurons``: the AVAE on the traces of single neurons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from napari_calcdyn.models.avae import AVAEConfig
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.hdf5_file import HDF5_ENDINGS
from napari_calcdyn.recording.movies.places import SUITE2P_ENDING, TIFF_ENDINGS
from napari_calcdyn.recording.traces.baseline import Baseline

from .neurons_of_several import kind_settings, labels_of, map_and_tell
from .options import (
    ROIS_HELP,
    Axes,
    Correct,
    Dataset,
    Device,
    Out,
    SavedModel,
    Seed,
    cells_are_to_be_found,
    typed,
)
from .progress_bar import Show, progress_bar, say_cells_found, say_corrections, say_done, tell_with
from .settings import checked, given, settings_or_model, with_settings

if TYPE_CHECKING:
    from napari_calcdyn.recording import RoiSet, Traces

    Read = Callable[[Show], tuple[Traces, RoiSet | None]]

_BASELINE = "baseline_"


@with_settings(AVAEConfig)
@with_settings(Baseline, prefix=_BASELINE)
def neurons(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="A movie (with --rois), a folder of suite2p or Minian, a file of CaImAn, EXTRACT or NWB, or traces as"
            " .npy (one in each row) or in a table as .csv, .tsv, .txt or .xlsx. Several are laid out on one map by the"
            " kind of each neuron.",
        ),
    ],
    out: Out,
    rois: Annotated[
        Path | None,
        typer.Option(help=f"ROIs of the movie: {ROIS_HELP}"),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="[quick|standard|paper]", help="Settings to start from; standard by default."),
    ] = None,
    model: SavedModel = None,
    device: Device = "auto",
    seed: Seed = 0,
    frame_rate: Annotated[float | None, typer.Option(help="Samples per second, if not in the file.")] = None,
    channel: Annotated[int | None, typer.Option(help="Which channel of the movie.")] = None,
    plane: Annotated[int | None, typer.Option(help="Which plane of the movie.")] = None,
    dataset: Dataset = None,
    axes: Axes = None,
    neuropil: Annotated[
        float,
        typer.Option(help="Share of the neuropil around each ROI to subtract; 0 for none.", min=0, max=1),
    ] = 0.7,
    only_cells: Annotated[
        bool,
        typer.Option(
            "--only-cells", help="Leave out ROIs that their file (suite2p, CaImAn, NWB) does not call cells."
        ),
    ] = False,
    correct: Correct = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="For traces: a file of the same form, 1 where a sample is valid and 0 elsewhere."),
    ] = None,
    cells_in: Annotated[
        str | None,
        typer.Option(
            metavar="[rows|columns]",
            help="For traces: where the cells of a table are, if it is not found out.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE,VALUE,…",
            help="For several inputs: what is known of each, such as dish=1,2,3,4 and condition=control,control,sick,"
            "sick. Conditions are compared with the dish as the unit.",
        ),
    ] = None,
    onto: Annotated[
        Path | None,
        typer.Option(
            "--onto",
            help="Place the neurons on the map of this earlier result of several inputs, with its model.",
        ),
    ] = None,
    **settings: Any,
) -> None:
    """Describe every neuron by a few numbers, find clusters of neurons that behave alike, and draw a map.

    Traces are used as they are; if a baseline is chosen, ΔF/F is computed.
    """
    several = len(sources) > 1 or onto is not None
    if not several and label:
        raise InputError("A label tells several recordings apart: leave out --label, or give more inputs.")
    using = None if several else settings_or_model(AVAEConfig, preset, settings, model)
    kinds = kind_settings(preset, given(AVAEConfig, settings), model, onto) if several else None
    chosen = given(Baseline, settings, _BASELINE)
    baseline = checked(Baseline, chosen, _BASELINE) if chosen else None
    movies = [source for source in sources if source.suffix.lower() in (*TIFF_ENDINGS, SUITE2P_ENDING)]
    if rois is None and movies:
        raise InputError(
            f"{movies[0].name} is a movie: say with --rois where its ROIs are, or find cells with --rois found."
        )
    if len(sources) > 1 and (mask is not None or (rois is not None and not cells_are_to_be_found(rois))):
        raise InputError(
            "A file of ROIs or a mask belongs to one input: give the traces of each, or --rois found for movies."
        )
    if rois is None and correct not in (None, "auto"):
        raise InputError(
            "Only a movie can be corrected, not traces: leave out --correct, or give a movie and --rois."
        )
    if rois is not None and mask is not None:
        raise InputError("A mask is for traces, not for a movie: leave out either --mask or --rois.")

    def read(source: Path, show: Show) -> tuple[Traces, RoiSet | None]:
        from napari_calcdyn.recording import delta_f_over_f

        if rois is None:
            traces, roi_set = _open(source, frame_rate, mask, neuropil or None, dataset, cells_in)
        else:
            options = {"channel": channel, "plane": plane, "frame_rate": frame_rate, "dataset": dataset}
            options["axes"] = axes
            traces, roi_set = _extract(source, rois, neuropil or None, options, correct, show)
        if only_cells:
            cells = roi_set.cells if roi_set is not None else None
            if roi_set is None or cells is None:
                raise InputError(f"{rois or source} does not say what is a cell: leave out --only-cells.")
            traces, roi_set = traces.select(cells), roi_set.select(cells)
        if baseline is not None:
            traces = delta_f_over_f(traces, baseline, progress=lambda *at: show("Computing ΔF/F", *at))
        return traces, roi_set

    if using is None:
        map_and_tell(read, sources, out, labels_of(label or [], len(sources)), kinds, onto, seed)
    else:
        analyse_and_tell(lambda show: read(sources[0], show), out, using, device, seed)


def _open(
    source: Path,
    frame_rate: float | None,
    mask: Path | None,
    neuropil: float | None,
    dataset: str | None,
    cells_in: Any,
) -> tuple[Traces, RoiSet | None]:
    """Return the traces in a file or a folder, and the ROIs if it has them."""
    from napari_calcdyn.recording import open_rois, open_traces

    traces = open_traces(
        source, frame_rate=frame_rate, mask=mask, neuropil=neuropil, dataset=dataset, cells_in=cells_in
    )
    if not source.is_dir() and source.suffix.lower() not in HDF5_ENDINGS:
        return traces, None
    roi_set = open_rois(source)
    if not np.isin(traces.ids, roi_set.ids).all() or (source.is_dir() and len(roi_set) != len(traces)):
        raise InputError(f"{source} has {len(roi_set)} ROIs but {len(traces)} traces: save or copy it again.")
    roi_set = roi_set.select(np.searchsorted(roi_set.ids, traces.ids))
    return traces, roi_set


def _extract(
    movie: Path,
    rois: Path,
    neuropil: float | None,
    options: dict[str, Any],
    correct: str | None,
    show: Show,
) -> tuple[Traces, RoiSet]:
    """Return the traces of ROIs in a movie, and the ROIs."""
    from napari_calcdyn.recording import extract_traces, open_movie
    from napari_calcdyn.recording.quality import correct_movie
    from napari_calcdyn.recording.traces.agreement import open_rois_of

    recording = open_movie(movie, **options)
    roi_set = None if cells_are_to_be_found(rois) else open_rois_of(recording, rois)
    check = lambda *at: show("Checking the recording", *at)  # noqa: E731
    recording = correct_movie(recording, correct or "auto", progress=check)
    if roi_set is None:
        from napari_calcdyn.models.sources import find_sources

        roi_set = find_sources(recording, progress=lambda *at: show("Finding cells", *at)).rois
    tell = lambda *at: show("Extracting traces", *at)  # noqa: E731
    return extract_traces(recording, roi_set, neuropil=neuropil, progress=tell), roi_set


def analyse_and_tell(read: Read, out: Path, model: AVAEConfig | Path, device: str, seed: int) -> None:
    """Read traces, run the job on them with a progress bar, and print a summary."""
    with progress_bar() as show:
        traces, rois = read(show)
        from napari_calcdyn.jobs import run_neurons
        from napari_calcdyn.models.avae import AVAE

        chosen = AVAE.load(model, device=device) if isinstance(model, Path) else model
        metrics = run_neurons(
            traces,
            out,
            chosen,
            device=device,
            seed=seed,
            on_progress=tell_with(show),
            rois=rois,
            command_line=typed(),
        )
    say_corrections(metrics)
    say_cells_found(metrics)
    for warning in traces.provenance.get("warnings", ()):
        print(warning)
    left_out = len(traces) - metrics["neurons"]
    measured = "all" if isinstance(model, Path) else "the held-out"
    print(
        f"{metrics['neurons']} neurons{f' ({left_out} left out)' if left_out else ''}, {metrics['latent']} latents,"
        f" {metrics['active_units']} of them in use. Measured on {measured} neurons: reconstruction error"
        f" {metrics['reconstruction_error']:.4g}, KL divergence {metrics['kl']:.2f}."
    )
    say_done(metrics["seconds"], out)
