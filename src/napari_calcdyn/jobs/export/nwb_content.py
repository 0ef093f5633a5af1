"""What results become in an NWB file: all of it in the processing module ``ophys``, settings in ``scratch``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.movies.places import TIFF_ENDINGS
from napari_calcdyn.recording.traces import BAND

from .results import Results, column_words

if TYPE_CHECKING:
    from hdmf.backends.hdf5.h5_utils import H5DataIO
    from hdmf.common import DynamicTable, VectorData
    from pynwb import NWBFile, ProcessingModule
    from pynwb.ophys import ImagingPlane, PlaneSegmentation

_MODULE = "ophys"
_UNKNOWN = "not known to napari-calcdyn"


def add_movie(nwb: NWBFile, results: Results, folder: Path) -> None:
    """Name the file of the recording in a new NWB file, where it is one TIFF with a frame rate.

    Parameters
    ----------
    nwb : NWBFile
        New.
    results : Results
        The results.
    folder : Path
        Where the NWB file will be; the recording is named relative to it.
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
            imaging_plane=_plane(nwb, results),
            unit="n.a.",
        )
    )


def add_results(nwb: NWBFile, results: Results) -> None:
    """Add results to an NWB file in memory.

    Parameters
    ----------
    nwb : NWBFile
        New, or read from a file.
    results : Results
        With the frame rate where there are latents or traces.
    """
    from pynwb import TimeSeries

    if _MODULE not in nwb.processing:
        nwb.create_processing_module(_MODULE, "Processed optical physiology")
    module = nwb.processing[_MODULE]
    plane = _segmentation(nwb, module, results) if results.rois is not None else None
    if results.traces is not None:
        _traces(module, results, plane)
    if results.neurons and plane is None:
        words = "Latents and clusters of neurons by an adaptive variational autoencoder."
        module.add(_table(_free(module, "CalcdynNeurons"), words, _of_neurons(results)))
    if results.latents is not None:
        module.add(
            TimeSeries(
                name=_free(module, "CalcdynLatents"),
                description="Latents of every frame by an l1-VAR autoencoder, NaN in frames that were left out.",
                data=_packed(results.latents.astype(np.float32)),
                unit="a.u.",
                rate=float(results.frame_rate or 0),
                starting_time=0.0,
            )
        )
    if results.maps:
        _maps(module, results)
    of_rois = None if results.command == "run" else plane  # the others of a run are between its latents
    for kind, columns, table in (
        (results.command, results.connections, of_rois),
        ("influence", results.roi_connections, plane),
    ):
        if len(columns.get("lag", ())):
            _connections(module, results, kind, columns, table)
    nwb.add_scratch(
        results.json(),
        name=_free(nwb.scratch, f"calcdyn_{results.command}"),
        description="Settings, measurements, versions, and fingerprints of the input, as JSON.",
    )


def _free(taken: Any, name: str) -> str:
    """Return a name, with a number at the end if there is one of it already."""
    there = (
        {it.name for it in taken.containers.values()} if hasattr(taken, "containers") else set(taken or ())
    )
    numbers = (name if at == 1 else f"{name}_{at}" for at in range(1, len(there) + 2))
    return next(it for it in numbers if it not in there)


def _packed(values: NDArray[Any]) -> H5DataIO:
    from hdmf.backends.hdf5.h5_utils import H5DataIO

    return H5DataIO(values, compression="gzip")


def _segmentation(nwb: NWBFile, module: ProcessingModule, results: Results) -> PlaneSegmentation:
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
        imaging_plane=_plane(nwb, results),
        id=list(range(len(rois))),
        columns=columns + _columns({"roi_id": rois.ids} | _of_neurons(results)),
        colnames=None,
    )
    name = _free(module, "CalcdynSegmentation")
    module.add(ImageSegmentation(name=name, plane_segmentations=[table]))
    return table


def _masks(rois: RoiSet) -> Iterator[NDArray[np.float32]]:
    """Yield the weights (X, Y) of one ROI after another, 1 the largest: NWB counts pixels x first."""
    for at in range(len(rois)):
        mask = rois.footprints[[at]].toarray().reshape(rois.frame_shape).T
        yield (mask / mask.max()).astype(np.float32)


def _plane(nwb: NWBFile, results: Results) -> ImagingPlane:
    """Return the imaging plane of the file if it has just one, otherwise a new one."""
    from pynwb.ophys import OpticalChannel

    if len(nwb.imaging_planes) == 1:
        return next(iter(nwb.imaging_planes.values()))
    device = next(iter(nwb.devices.values()), None)
    if device is None:
        device = nwb.create_device(name="Microscope", description=f"The microscope; which one is {_UNKNOWN}.")
    channel = OpticalChannel(name="OpticalChannel", description=_UNKNOWN, emission_lambda=float("nan"))
    size = results.pixel_size
    # NWB counts x first, in metres.
    grid = {} if size is None else {"grid_spacing": [size[1], size[0]], "grid_spacing_unit": "micrometers"}
    return nwb.create_imaging_plane(
        name=_free(nwb.imaging_planes, "ImagingPlane"),
        description=f"The plane of {results.movie}",
        optical_channel=channel,
        imaging_rate=results.frame_rate,
        device=device,
        excitation_lambda=float("nan"),
        indicator=_UNKNOWN,
        location=_UNKNOWN,
        **grid,
    )


def _of_neurons(results: Results) -> dict[str, NDArray[Any]]:
    return {
        name: values if name.startswith(("mu_", "tsne_")) else values.astype(np.int64)
        for name, values in results.neurons.items()
        if name != "roi_id" or results.rois is None
    }


def _columns(columns: dict[str, NDArray[Any]]) -> list[VectorData]:
    from hdmf.common import VectorData

    return [
        VectorData(name=name, description=column_words(name), data=np.asarray(values))
        for name, values in columns.items()
    ]


def _table(name: str, description: str, columns: dict[str, NDArray[Any]]) -> DynamicTable:
    from hdmf.common import DynamicTable

    return DynamicTable(name=name, description=description, columns=_columns(columns))


def _traces(module: ProcessingModule, results: Results, plane: PlaneSegmentation | None) -> None:
    """Add raw, denoised and redrawn traces, (T, N): of ROIs where these are known, otherwise as plain time series."""
    from pynwb import TimeSeries
    from pynwb.ophys import DfOverF, Fluorescence, RoiResponseSeries

    known = {
        "raw": results.traces,
        "denoised": results.denoised,
        "denoised_sd": results.denoised_sd,
        "redrawn": results.redrawn,
    }
    both = {name: values for name, values in known.items() if values is not None}
    fitted = "Activity of the ROIs, fitted to every frame: deviations from the mean."
    words = {
        "raw": fitted if results.command == "run" else "Traces that the neurons were described from.",
        "denoised": "The same traces without their noise, estimated from all their samples.",
        "denoised_sd": f"Standard deviation of the denoised traces; ± {BAND:g} of them is a 90 % band.",
        "redrawn": "The same traces redrawn from the latents of an adaptive variational autoencoder.",
    }
    shared: dict[str, Any] = {
        "unit": "a.u." if results.unit == "fluorescence" else "n.a.",
        "rate": float(results.frame_rate or 0),
        "starting_time": 0.0,
    }
    if plane is None:
        for name, values in both.items():
            words_ = name.replace("_sd", "SD")
            name_ = _free(module, f"Calcdyn{words_[0].upper()}{words_[1:]}Traces")
            module.add(TimeSeries(name=name_, description=words[name], data=_packed(values.T), **shared))
        return
    kind = Fluorescence if results.unit == "fluorescence" else DfOverF
    box_name = "CalcdynActivity" if results.command == "run" else f"Calcdyn{kind.__name__}"
    box = kind(name=_free(module, box_name))
    module.add(box)
    for name, values in both.items():
        rows = list(range(len(values)))
        region = plane.create_roi_table_region(region=rows, description="The ROI of each column.")
        box.add_roi_response_series(
            RoiResponseSeries(
                name=name, description=words[name], data=_packed(values.T), rois=region, **shared
            )
        )


def _maps(module: ProcessingModule, results: Results) -> None:
    from pynwb.base import Images
    from pynwb.image import GrayscaleImage

    # Pixels for each centimetre, which NWB has for square pixels only.
    size = results.pixel_size
    square = size is not None and abs(size[0] - size[1]) < 1e-3 * size[0]
    resolution = 1e4 / size[0] if size is not None and square else None
    images = [
        GrayscaleImage(
            name=name, data=image.T, description=f"{words}, in {unit}; x first.", resolution=resolution
        )
        for name, (image, words, unit) in results.maps.items()
    ]
    module.add(
        Images(name=_free(module, "CalcdynMaps"), description=f"Maps of {results.movie}", images=images)
    )


def _connections(
    module: ProcessingModule,
    results: Results,
    kind: str,
    connections: dict[str, NDArray[Any]],
    plane: PlaneSegmentation | None,
) -> None:
    from hdmf.common import DynamicTable, DynamicTableRegion

    between = "latents" if plane is None else "ROIs"
    kinds = {
        "run": ("CalcdynDynamics", "Coefficients of the VAR that are not zero."),
        "influence": ("CalcdynInfluence", "Tested connections between ROIs, all pairs."),
        "compare": ("CalcdynChanges", "Connections that changed from A to B."),
    }
    name, words = kinds[kind]
    columns = dict(connections)
    found: list[VectorData] = []
    if plane is not None and results.rois is not None:
        row = {number: at for at, number in enumerate(results.rois.ids.tolist())}
        for end in ("source", "target"):
            rows = [row[number] for number in columns.pop(end).tolist()]
            found.append(DynamicTableRegion(name=end, data=rows, description=column_words(end), table=plane))
    table = DynamicTable(
        name=_free(module, name), description=f"{words} Between {between}.", columns=found + _columns(columns)
    )
    module.add(table)
