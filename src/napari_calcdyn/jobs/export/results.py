"""What is in a result folder, read back for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.analysis.influence.files import read_csv
from napari_calcdyn.jobs.result_folder import METRICS, ROIS_FILE, TRACES_FILE
from napari_calcdyn.recording import InputError, RoiSet
from napari_calcdyn.recording.csv_table import read_table
from napari_calcdyn.recording.rois.saved import load_rois
from napari_calcdyn.recording.saved_arrays import load_array

_MAPS = {
    "mean": ("mean frame", "counts"),
    "contribution_explained": ("part of the variance that the dynamics predict", "counts squared"),
    "contribution_own": ("part of the variance that a place's own past predicts", "counts squared"),
    "contribution_driven": ("part of the variance that other ROIs predict", "counts squared"),
    "contribution_driving": ("what each ROI explains in others, in its own place", "counts squared"),
    "contribution_amplitude": ("mean size of the predicted contribution", "counts"),
    "explained_a": ("part of the variance that the dynamics of A predict in A", "counts squared"),
    "explained_b": ("part of the variance that the dynamics of B predict in B", "counts squared"),
    "difference": ("root-mean-square difference between the predictions for A and B", "counts"),
}
_CONNECTIONS = {
    "source": "where the connection starts",
    "target": "where the connection ends",
    "lag": "frames from source to target",
}


@dataclass(frozen=True)
class Results:
    """A result folder.

    Attributes
    ----------
    folder : Path
        Where it is.
    command : str
        ``run``, ``neurons``, ``influence`` or ``compare``.
    about : dict
        Content of its JSON file, with `provenance`.
    frame_rate : float or None
        Frames per second (Hz).
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    maps : dict of str to (ndarray (Y, X), str, str)
        Image, what it shows, and its unit, by the name of the file.
    latents : ndarray (T, d) or None
        Latents of the recording.
    rois : RoiSet or None
        The ROIs.
    traces : ndarray (N, T) or None
        Of the neurons; of a run, the activity of its ROIs.
    denoised, denoised_sd, redrawn : ndarray (N, T) or None
        The neurons' traces without their noise, the standard deviations of these, and the traces redrawn from the
        latents.
    unit : str
        Of the traces.
    neurons : dict of str to ndarray (N,)
        Columns of ``neurons.csv``.
    connections : dict of str to ndarray (n,)
        Columns of a table of connections, between latents or ROIs.
    roi_connections : dict of str to ndarray (n,)
        The same between the ROIs of a run, whose other connections are between latents.
    """

    folder: Path
    command: str
    about: dict[str, Any]
    frame_rate: float | None = None
    pixel_size: tuple[float, float] | None = None
    maps: dict[str, tuple[NDArray[np.float32], str, str]] = field(default_factory=dict)
    latents: NDArray[np.float32] | None = None
    rois: RoiSet | None = None
    traces: NDArray[np.float32] | None = None
    denoised: NDArray[np.float32] | None = None
    denoised_sd: NDArray[np.float32] | None = None
    redrawn: NDArray[np.float32] | None = None
    unit: str = "fluorescence"
    neurons: dict[str, NDArray[Any]] = field(default_factory=dict)
    connections: dict[str, NDArray[Any]] = field(default_factory=dict)
    roi_connections: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def movie(self) -> str:
        """Name of the recording."""
        return str(self.about["provenance"]["inputs"][0]["name"])

    def json(self) -> str:
        """Return settings, measurements and fingerprints as text."""
        return json.dumps(self.about, indent=2, ensure_ascii=False)


def read_results(folder: Path, frame_rate: float | None = None) -> Results:
    """Read a result folder.

    Parameters
    ----------
    folder : Path
        What ``calcdyn run``, ``neurons``, ``influence`` or ``compare`` wrote.
    frame_rate : float, optional
        Frames per second, if the recording does not say it.

    Returns
    -------
    Results
        With all that the command writes, but the maps of single sources and the model.

    Raises
    ------
    InputError
        If it holds no results, those of an older version, or a damaged file.
    """
    about = _about(folder)
    first = about["provenance"]["inputs"][0]
    size = first.get("pixel_size")
    rois = load_rois(folder / ROIS_FILE) if (folder / ROIS_FILE).exists() else None
    neurons: dict[str, NDArray[Any]] = {}
    command = about["command"]
    if command == "neurons":
        table = read_table(folder / "neurons.csv")
        neurons = {name: table.typed(name) for name in table.cells}
        if rois is not None:
            place = {number: at for at, number in enumerate(rois.ids.tolist())}
            rois = rois.select([place[number] for number in neurons["roi_id"].astype(np.int64).tolist()])
    return Results(
        folder,
        command,
        about,
        frame_rate=frame_rate or first.get("frame_rate"),
        pixel_size=None if size is None else (float(size[0]), float(size[1])),
        maps=_maps(folder),
        latents=load_array(folder / "latents.npy") if command == "run" else None,
        rois=rois,
        traces=_optional(folder / TRACES_FILE),
        redrawn=_optional(folder / "reconstruction.npy") if command == "neurons" else None,
        denoised=_optional(folder / "denoised.npy"),
        denoised_sd=_optional(folder / "denoised_sd.npy"),
        unit=str(first.get("unit", "fluorescence")),
        neurons=neurons,
        connections=_connections(folder, about),
        roi_connections=_between_rois(folder / "connections.csv"),
    )


def _optional(file: Path) -> NDArray[np.float32] | None:
    """Read an array that not every folder has; one of an earlier version may lack it."""
    return load_array(file) if file.exists() else None


def column_words(name: str) -> str:
    """Say what a column of connections or neurons holds."""
    more = {
        "coefficient": "coefficient of the VAR, in units of the latents",
        "strength": "partial correlation of the target with the source's past",
        "effect": "standard deviations of the target per standard deviation of the source",
        "p_value": "family-wise p-value, of all connections together",
        "a": "coefficient in A",
        "b": "coefficient in B",
        "cluster": "group of neurons that behave alike, -1 for none",
        "roi_id": "number of the ROI in its own file",
    }
    known = _CONNECTIONS | more
    if name.startswith("mu_"):
        return f"latent {name[3:]} of the neuron"
    return known.get(name, f"{name.replace('_', ' ')} of the neuron")


def _about(folder: Path) -> dict[str, Any]:
    for command, file in METRICS.items():
        if command == "check" or not (folder / file).is_file():
            continue
        try:
            about = json.loads((folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder / file} is damaged: run the command again.") from error
        if not isinstance(about, dict) or "command" not in about:
            continue
        if not isinstance(about.get("provenance"), Mapping):
            raise InputError(
                f"{folder} was written by an older version: run `calcdyn {about['command']}` again."
            )
        return about
    raise InputError(
        f"{folder} holds no results: choose a folder of calcdyn run, neurons, influence or compare."
    )


def _maps(folder: Path) -> dict[str, tuple[NDArray[np.float32], str, str]]:
    found = {}
    for name, (words, unit) in _MAPS.items():
        file = folder / f"{name}.tif"
        if file.exists():
            try:
                found[name] = (tifffile.imread(file).astype(np.float32, copy=False), words, unit)
            except (OSError, ValueError, tifffile.TiffFileError) as error:
                raise InputError(f"{file} cannot be read: run the command again.") from error
    return found


def _connections(folder: Path, about: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    if about["command"] == "influence":
        return _between_rois(folder / "influence.csv")
    if about["command"] == "compare":
        names = ("source", "target", "lag", "a", "b", "p_value")
        found = {name: np.array([edge[name] for edge in about["edges"]], float) for name in names}
    elif about["command"] == "run":
        found = _of_var(folder / "var.npz")
    else:
        return {}
    return _numbered(found)


def _between_rois(file: Path) -> dict[str, NDArray[Any]]:
    if not file.exists():
        return {}
    edges = read_csv(file)
    return {name: edges[name] for name in edges.dtype.names or ()}


def _numbered(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: it.astype(np.int64) if name in _CONNECTIONS else it for name, it in columns.items()}


def _of_var(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with file.open("rb") as raw, np.load(raw, allow_pickle=False) as var:
            if "value" in var:
                return {name: var[name] for name in _CONNECTIONS} | {"coefficient": var["value"]}
            coefficients = var["coefficients"]
    except Exception as error:  # damaged bytes raise errors of all kinds
        raise InputError(f"{file} is damaged: run the command again.") from error
    lag, target, source = np.nonzero(coefficients)
    return {
        "source": source,
        "target": target,
        "lag": lag + 1,
        "coefficient": coefficients[lag, target, source],
    }
