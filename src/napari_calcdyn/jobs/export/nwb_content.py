"""What results become in an NWB file: all of it in the processing module ``ophys``, settings in ``scratch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.traces import BAND

from .nwb_plane import add_rois
from .nwb_tables import add_connections, add_neurons, free_name
from .results import Results

if TYPE_CHECKING:
    from hdmf.backends.hdf5.h5_utils import H5DataIO
    from pynwb import NWBFile, ProcessingModule
    from pynwb.ophys import PlaneSegmentation

_MODULE = "ophys"


def add_results(nwb: NWBFile, results: Results, brain_area: str | None = None) -> None:
    """Add results to an NWB file in memory.

    Parameters
    ----------
    nwb : NWBFile
        New, or read from a file.
    results : Results
        With the frame rate where there are latents or traces.
    brain_area : str, optional
        Where in the brain the recording was made, if the file does not say it.
    """
    from pynwb import TimeSeries

    if _MODULE not in nwb.processing:
        nwb.create_processing_module(_MODULE, "Processed optical physiology")
    module = nwb.processing[_MODULE]
    plane = add_rois(nwb, module, results, brain_area) if results.rois is not None else None
    if results.traces is not None:
        _traces(module, results, plane)
    if results.neurons and plane is None:
        add_neurons(module, results)
    if results.latents is not None:
        module.add(
            TimeSeries(
                name=free_name(module, "CalcdynLatents"),
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
            add_connections(module, results, kind, columns, table)
    nwb.add_scratch(
        results.json(),
        name=free_name(nwb.scratch, f"calcdyn_{results.command}"),
        description="Settings, measurements, versions, and fingerprints of the input, as JSON.",
    )


def _packed(values: NDArray[Any]) -> H5DataIO:
    from hdmf.backends.hdf5.h5_utils import H5DataIO

    return H5DataIO(values, compression="gzip")


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
            name_ = free_name(module, f"Calcdyn{words_[0].upper()}{words_[1:]}Traces")
            module.add(TimeSeries(name=name_, description=words[name], data=_packed(values.T), **shared))
        return
    kind = Fluorescence if results.unit == "fluorescence" else DfOverF
    box_name = "CalcdynActivity" if results.command == "run" else f"Calcdyn{kind.__name__}"
    box = kind(name=free_name(module, box_name))
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
        Images(name=free_name(module, "CalcdynMaps"), description=f"Maps of {results.movie}", images=images)
    )
