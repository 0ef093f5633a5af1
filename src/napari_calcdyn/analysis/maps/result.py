"""Contribution maps as a result: in memory and as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import write_image, writing

_FILES = {name: f"contribution_{name}.tif" for name in ("explained", "amplitude", "sources")}


@dataclass(frozen=True, eq=False)
class ContributionMaps:
    """Contribution of the dynamics to every pixel, averaged over the frames that have a past.

    Attributes
    ----------
    explained : ndarray, shape (Y, X), float32
        ``E = mean_t (Σ_k C_k[t]) · (x[t] − m)``: the part of each pixel's variance that the dynamics predict,
        in squared movie units.
    amplitude : ndarray, shape (Y, X), float32
        ``mean_t |Σ_k C_k[t]|``, in movie units.
    sources : ndarray, shape (d, Y, X), float32
        The exact split of the explained map, ``E = Σ_k E_k``, in the order in which sources were asked for.
    """

    explained: NDArray[np.float32]
    amplitude: NDArray[np.float32]
    sources: NDArray[np.float32]

    def save(self, folder: str | Path, *, pixel_size: tuple[float, float] | None = None) -> None:
        """Write each map as a TIFF: ``contribution_explained.tif``, ``…_amplitude.tif`` and ``…_sources.tif``.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing; each file is replaced in one step.
        pixel_size : tuple of float, optional
            Height and width of a pixel in µm, as in `Movie.pixel_size`.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with writing(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
        for name, file in _FILES.items():
            image = getattr(self, name)
            if image.size:
                write_image(Path(folder, file), image, pixel_size)

    @classmethod
    def load(cls, folder: str | Path, *, most_bytes: int | None = None) -> ContributionMaps:
        """Read maps that `save` or ``calcdyn run`` wrote.

        Parameters
        ----------
        folder : str or Path
            Where they are.
        most_bytes : int, optional
            Leave out the maps of the sources where their file is larger, as they are held in memory.

        Returns
        -------
        ContributionMaps
            As they were saved.

        Raises
        ------
        InputError
            If a file is missing or cannot be read.
        """
        explained, amplitude, sources = (Path(folder, file) for file in _FILES.values())
        try:
            total = tifffile.imread(explained), tifffile.imread(amplitude)
            left_out = most_bytes is not None and sources.stat().st_size > most_bytes
            split = np.empty((0, *total[0].shape), np.float32) if left_out else tifffile.imread(sources)
        except (OSError, tifffile.TiffFileError) as error:
            raise InputError(
                f"{folder} has no maps that can be read ({error}): run `calcdyn run` again."
            ) from error
        return cls(*total, split.reshape(-1, *total[0].shape))
