"""What was imaged, in an NWB file: the recording, its plane, and the ROIs in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.movies.places import TIFF_ENDINGS

from .nwb_tables import columns_of_neurons, free_name, table_columns
from .results import Results

if TYPE_CHECKING:
    from pynwb import NWBFile, ProcessingModule
    from pynwb.ophys import ImagingPlane, PlaneSegmentation

_UNKNOWN = "not known to napari-calcdyn"


def add_movie(nwb: NWBFile, results: Results, folder: Path, brain_area: str | None = None) -> None:
    """Name the file of the recording in a new NWB file, where it is one TIFF with a frame rate.

    Parameters
    ----------
    nwb : NWBFile
        New.
    results : Results
        The results.
    folder : Path
        Where the NWB file will be; the recording is named relative to it.
    brain_area : str, optional
        Where in the brain it was made.
    """
    from pynwb.ophys import TwoPhotonSeries

    movie = results.about["provenance"]["inputs"][0]
    files = [Path(it[0]) for it in movie["files"]] if movie["kind"] == "movie" else []
    if len(files) != 1 or files[0].suffix.lower() not in TIFF_ENDINGS or not results.frame_rate:
        return
    if not files[0].exists():
        return
    frames, height, width = movie["shape"]
    nwb.add_acquisition(
        TwoPhotonSeries(
            name="TwoPhotonSeries",
            description=f"The recording {movie['name']}.",
            external_file=[Path(os.path.relpath(files[0], folder.resolve())).as_posix()],
            starting_frame=[0],
            format="external",
            dimension=[width, height],
            num_samples=frames,
            rate=float(results.frame_rate),
            starting_time=0.0,
            imaging_plane=_imaging_plane(nwb, results, brain_area),
            unit="n.a.",
        )
    )


def add_rois(
    nwb: NWBFile, module: ProcessingModule, results: Results, brain_area: str | None = None
) -> PlaneSegmentation:
    """Add ROIs to a processing module, with what is known of the neurons that they outline.

    Parameters
    ----------
    nwb : NWBFile
        New, or read from a file.
    module : ProcessingModule
        Of that file.
    results : Results
        With ROIs.
    brain_area : str, optional
        Where in the brain the recording was made.

    Returns
    -------
    PlaneSegmentation
        The table, a row for each ROI.
    """
    from hdmf.backends.hdf5.h5_utils import H5DataIO
    from hdmf.common import VectorData
    from hdmf.data_utils import DataChunkIterator
    from pynwb.ophys import ImageSegmentation, PlaneSegmentation

    rois = results.rois
    assert rois is not None
    height, width = rois.frame_shape
    masks = DataChunkIterator(
        data=_masks(rois), maxshape=(len(rois), width, height), dtype=np.dtype(np.float32), buffer_size=1
    )
    chunks = (1, width, height)
    images = H5DataIO(masks, compression="gzip", chunks=chunks)
    columns = [VectorData(name="image_mask", description="Weight of each pixel, x first.", data=images)]
    table = PlaneSegmentation(
        name="PlaneSegmentation",
        description=f"ROIs of {rois.provenance}",
        imaging_plane=_imaging_plane(nwb, results, brain_area),
        id=list(range(len(rois))),
        columns=columns + table_columns({"roi_id": rois.ids} | columns_of_neurons(results)),
        colnames=None,
    )
    name = free_name(module, "CalcdynSegmentation")
    module.add(ImageSegmentation(name=name, plane_segmentations=[table]))
    return table


def _masks(rois: RoiSet) -> Iterator[NDArray[np.float32]]:
    """Yield the weights (X, Y) of one ROI after another, 1 the largest: NWB counts pixels x first."""
    for at in range(len(rois)):
        mask = rois.footprints[[at]].toarray().reshape(rois.frame_shape).T
        yield (mask / mask.max()).astype(np.float32)


def _imaging_plane(nwb: NWBFile, results: Results, brain_area: str | None) -> ImagingPlane:
    """Return the imaging plane of the file if it has just one, otherwise a new one in the area of the others."""
    from pynwb.ophys import OpticalChannel

    if len(nwb.imaging_planes) == 1:
        return next(iter(nwb.imaging_planes.values()))
    device = next(iter(nwb.devices.values()), None)
    if device is None:
        device = nwb.create_device(name="Microscope", description=f"The microscope; which one is {_UNKNOWN}.")
    channel = OpticalChannel(name="OpticalChannel", description=_UNKNOWN, emission_lambda=float("nan"))
    areas = {it.location for it in nwb.imaging_planes.values()}
    size = results.pixel_size
    # NWB counts x first, in metres.
    grid = {} if size is None else {"grid_spacing": [size[1], size[0]], "grid_spacing_unit": "micrometers"}
    return nwb.create_imaging_plane(
        name=free_name(nwb.imaging_planes, "ImagingPlane"),
        description=f"The plane of {results.movie}",
        optical_channel=channel,
        imaging_rate=results.frame_rate,
        device=device,
        excitation_lambda=float("nan"),
        indicator=_UNKNOWN,
        location=brain_area or (areas.pop() if len(areas) == 1 else "unknown"),
        **grid,
    )
