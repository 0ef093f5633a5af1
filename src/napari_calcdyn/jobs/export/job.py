"""Job that writes a result folder for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.rois.imagej_writing import write_imagej_rois

from .annotated import write_anndata
from .images import refuse_to_replace, write_ome_tiff, write_ome_zarr, write_source_maps
from .nwb import write_nwb
from .results import read_results
from .tables import write_tables


def export_results(
    folder: str | Path,
    *,
    nwb: Path | None = None,
    csv: Path | None = None,
    imagej_rois: Path | None = None,
    ome_tiff: Path | None = None,
    ome_zarr: Path | None = None,
    source_maps: Path | None = None,
    anndata: Path | None = None,
    frame_rate: float | None = None,
    start: datetime | None = None,
    subject: Mapping[str, str] | None = None,
    brain_area: str | None = None,
) -> list[Path]:
    """Write a result folder for other programs.

    Parameters
    ----------
    folder : str or Path
        What ``calcdyn run``, ``neurons``, ``influence`` or ``compare`` wrote.
    nwb : Path, optional
        NWB file, made or added to; see `write_nwb`.
    csv : Path, optional
        Folder for tables; see `write_tables`.
    imagej_rois : Path, optional
        A ``.zip`` for the ROIs; see `write_imagej_rois`.
    ome_tiff, ome_zarr : Path, optional
        For the maps; see `write_ome_tiff` and `write_ome_zarr`.
    source_maps : Path, optional
        For the maps of single sources; see `write_source_maps`.
    anndata : Path, optional
        A ``.h5ad`` for the neurons; see `write_anndata`.
    frame_rate : float, optional
        Frames per second, if the recording does not say it.
    start : datetime, optional
        When the recording began, for a new NWB file.
    subject : mapping of str to str, optional
        The animal, for a new NWB file; see `write_nwb`.
    brain_area : str, optional
        Where in the brain the recording was made, if the NWB file does not say it.

    Returns
    -------
    list of Path
        What was written. All files but an NWB file must not be there before.

    Raises
    ------
    InputError
        If the folder holds no results, or not what was asked for; a file is there already or cannot be written; or a
        package is missing.
    """
    results = read_results(Path(folder), frame_rate)
    written = []
    if imagej_rois is not None:
        refuse_to_replace(imagej_rois)
        if results.rois is None:
            raise InputError(
                f"{folder} holds no ROIs: choose a folder of calcdyn neurons or influence with ROIs."
            )
        write_imagej_rois(imagej_rois, results.rois, results.json())
        written.append(imagej_rois)
    if csv is not None:
        written += write_tables(csv, results)
    if ome_tiff is not None:
        write_ome_tiff(ome_tiff, results)
        written.append(ome_tiff)
    if ome_zarr is not None:
        write_ome_zarr(ome_zarr, results)
        written.append(ome_zarr)
    if source_maps is not None:
        write_source_maps(source_maps, results)
        written.append(source_maps)
    if anndata is not None:
        write_anndata(anndata, results)
        written.append(anndata)
    if nwb is not None:
        write_nwb(nwb, results, start, subject, brain_area)
        written.append(nwb)
    return written
