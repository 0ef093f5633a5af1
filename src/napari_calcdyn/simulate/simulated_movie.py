"""A simulated movie with its true footprints, traces and dynamics."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tifffile
from numpy.lib import format as npy
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_calcdyn.recording import RoiSet
from napari_calcdyn.recording.writing import replacing, writing

PIXEL_SIZE = (1.0, 1.0)
"""Size of a pixel in µm, (y, x)."""


@dataclass(frozen=True, eq=False)
class SimulatedMovie:
    """A simulated movie and its truth.

    Without noise and slow changes,
    ``movie[t] = camera.OFFSET + background + Σ_i footprints[i] · traces[i, t]``.

    Attributes
    ----------
    movie : ndarray, shape (T, Y, X), uint16
        Counts.
    weights : csr_array, shape (N, Y·X), float32
        Weights of every cell, maximum 1; of `simulate_movie`, dynamic cells come first, then silent, then
        flicker.
    traces : ndarray, shape (N, T), float32
        Fluorescence of every cell in counts above the background, before noise.
    kind : ndarray, shape (N,), str
        ``dynamic``, ``silent`` or ``flicker``; for given traces, the given labels.
    coefficients : ndarray, shape (p, Nd, Nd), float64
        VAR of the dynamic cells' traces as [lag, target, source]: deviations from the mean follow
        ``x[t] = Σ_l A_l x[t-l] + innovation``. Empty for given traces, whose dynamics are unknown.
    frame_rate : float
        Frames per second.
    pixel_size : tuple of float
        µm, (y, x).
    """

    movie: NDArray[np.uint16]
    weights: csr_array
    traces: NDArray[np.float32]
    kind: NDArray[np.str_]
    coefficients: NDArray[np.float64]
    frame_rate: float
    pixel_size: tuple[float, float] = PIXEL_SIZE

    @property
    def footprints(self) -> NDArray[np.float32]:
        """`weights` as images, shape (N, Y, X)."""
        images: NDArray[np.float32] = self.weights.toarray()
        return images.reshape(len(self.kind), *self.movie.shape[1:])

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Number of the cell (from 1, 0 is none) that each pixel belongs to, shape (Y, X).

        A pixel belongs to a cell where its weight exceeds half of that cell's maximum. Where cells
        overlap, a dynamic one goes first.
        """
        labels = np.zeros(self.weights.shape[1], np.int32)
        for cell in reversed(range(len(self.kind))):  # dynamic cells come first, so are drawn last
            weight = self.weights[[cell]]
            labels[weight.indices[weight.data > weight.data.max() / 2]] = cell + 1
        return labels.reshape(self.movie.shape[1:])

    @property
    def rois(self) -> RoiSet:
        """The cells as ROIs, numbered from 1 as in `labels`; there, weights sum to 1."""
        ids = np.arange(1, len(self.kind) + 1)
        height, width = self.movie.shape[1:]
        return RoiSet(self.weights, ids, (height, width), "true cells", {"kind": self.kind})

    @property
    def dynamic_mask(self) -> NDArray[np.bool_]:
        """Pixels of dynamic cells, shape (Y, X)."""
        return np.isin(self.labels, 1 + np.flatnonzero(self.kind == "dynamic"))

    @property
    def cell_mask(self) -> NDArray[np.bool_]:
        """Pixels of any cell, shape (Y, X)."""
        return self.labels > 0

    def save(self, folder: str | Path) -> None:
        """Write ``movie.tif`` (OME-TIFF with frame rate and pixel size) and ``truth.npz``.

        Parameters
        ----------
        folder : str or Path
            Made if it does not exist; files of these names in it are replaced.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        folder = Path(folder)
        metadata = {
            "axes": "TYX",
            "PhysicalSizeY": self.pixel_size[0],
            "PhysicalSizeYUnit": "µm",
            "PhysicalSizeX": self.pixel_size[1],
            "PhysicalSizeXUnit": "µm",
            "TimeIncrement": 1 / self.frame_rate,
            "TimeIncrementUnit": "s",
        }
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / "movie.tif") as movie, replacing(folder / "truth.npz") as truth:
                tifffile.imwrite(movie, self.movie, ome=True, photometric="minisblack", metadata=metadata)
                self._write_truth(truth)

    def _write_truth(self, path: Path) -> None:
        """Write what `numpy.load` reads as ``footprints``, ``traces``, ``kind`` and ``coefficients``.

        Footprints are written one cell at a time, because many cells on large frames need more memory than the movie.
        """
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(self.kind), *self.movie.shape[1:])}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("footprints.npy", "w", force_zip64=True) as file:
                npy.write_array_header_1_0(file, header)
                for cell in range(len(self.kind)):
                    file.write(self.weights[[cell]].toarray().astype("<f4").tobytes())
            for name in ("traces", "kind", "coefficients"):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    npy.write_array(file, getattr(self, name), allow_pickle=False)
