"""``calcdyn export``: results for other programs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from napari_calcdyn.recording import InputError


def export(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="What calcdyn run, neurons, influence or compare wrote."),
    ],
    nwb: Annotated[
        Path | None,
        typer.Option(help="NWB file: made, or added to if it is there, such as the one with your recording."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Folder for tables as CSV.")] = None,
    imagej_rois: Annotated[
        Path | None, typer.Option(help="A .zip with the ROIs, for the ROI Manager of ImageJ and Fiji.")
    ] = None,
    ome_tiff: Annotated[
        Path | None, typer.Option(help="An .ome.tif with the maps, one in each channel.")
    ] = None,
    ome_zarr: Annotated[
        Path | None, typer.Option(help="A .zarr folder (OME-Zarr 0.5) with the maps.")
    ] = None,
    source_maps: Annotated[
        Path | None,
        typer.Option(help="An .ome.tif or a .zarr folder with the map of each source, one in each channel."),
    ] = None,
    anndata: Annotated[Path | None, typer.Option(help="An .h5ad file with the neurons, for scanpy.")] = None,
    frame_rate: Annotated[
        float | None, typer.Option(min=0.0, help="Frames per second, if the recording does not say it.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(help="When the recording began, for a new NWB file.")
    ] = None,
    subject_id: Annotated[str | None, typer.Option(help="Name of the animal, for a new NWB file.")] = None,
    species: Annotated[str | None, typer.Option(help='Its species in Latin, such as "Mus musculus".')] = None,
    sex: Annotated[str | None, typer.Option(help="Its sex: M, F, O or U.")] = None,
    age: Annotated[str | None, typer.Option(help="Its age, as in P90D for 90 days.")] = None,
    brain_area: Annotated[
        str | None,
        typer.Option(
            help="Where in the brain the recording was made, if the NWB file does not say it; for a mouse as in the"
            " Allen atlas, such as VISp."
        ),
    ] = None,
) -> None:
    """Write results for other programs: NWB, CSV, ImageJ, OME-TIFF, OME-Zarr and AnnData."""
    chosen = {
        "nwb": nwb,
        "csv": csv,
        "imagej_rois": imagej_rois,
        "ome_tiff": ome_tiff,
        "ome_zarr": ome_zarr,
        "source_maps": source_maps,
        "anndata": anndata,
    }
    if not any(chosen.values()):
        raise InputError(
            "Say what to write: --nwb FILE, --csv DIR, --imagej-rois FILE.zip, --ome-tiff FILE.ome.tif,"
            " --ome-zarr DIR.zarr, --source-maps FILE.ome.tif or --anndata FILE.h5ad."
        )
    from napari_calcdyn.jobs.export.job import export_results

    animal = {"subject_id": subject_id, "species": species, "sex": sex, "age": age}
    subject = {name: text for name, text in animal.items() if text is not None}
    for file in export_results(
        folder, **chosen, frame_rate=frame_rate, start=start, subject=subject, brain_area=brain_area
    ):
        print(f"Written: {file}")
