"""Contribution maps as a result: in memory and as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import write_image, writing

from .source_maps import SourceMaps

_EXPLAINED, _AMPLITUDE, _SOURCES = (
    f"contribution_{name}.tif" for name in ("explained", "amplitude", "sources")
)
_PARTS = ("own", "driven", "driving")


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
    sources : SourceMaps, shape (d, Y, X), float32
        The exact split of the explained map, ``E = Σ_k E_k``, in the order in which sources were asked for. Index it
        for one map or some; it is kept sparse, or read from its file map by map.
    own, driven : ndarray, shape (Y, X), float32, or None
        What a place's own past explains, and what comes from ROIs elsewhere; their sum is the explained map. None
        where sources are latents.
    driving : ndarray, shape (Y, X), float32, or None
        What each ROI explains elsewhere, drawn in its own place. It adds up to the same as the driven map.
    """

    explained: NDArray[np.float32]
    amplitude: NDArray[np.float32]
    sources: SourceMaps
    own: NDArray[np.float32] | None = None
    driven: NDArray[np.float32] | None = None
    driving: NDArray[np.float32] | None = None

    def save(self, folder: str | Path, *, pixel_size: tuple[float, float] | None = None) -> None:
        """Write each map as a TIFF.

        They are ``contribution_explained.tif``, ``…_amplitude.tif``, ``…_sources.tif``, and of a VAR between ROIs
        ``…_own.tif``, ``…_driven.tif`` and ``…_driving.tif``.

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
        write_image(Path(folder, _EXPLAINED), self.explained, pixel_size)
        write_image(Path(folder, _AMPLITUDE), self.amplitude, pixel_size)
        for name in _PARTS:
            if (image := getattr(self, name)) is not None:
                write_image(Path(folder, _part(name)), image, pixel_size)
        if len(self.sources):
            self.sources.save(Path(folder, _SOURCES), pixel_size=pixel_size)

    @classmethod
    def load(cls, folder: str | Path) -> ContributionMaps:
        """Open maps that `save` or ``calcdyn run`` wrote.

        Parameters
        ----------
        folder : str or Path
            Where they are; the maps of the sources are read from there when they are asked for.

        Returns
        -------
        ContributionMaps
            As they were saved.

        Raises
        ------
        InputError
            If a file is missing or cannot be read.
        """
        try:
            explained, amplitude = (tifffile.imread(Path(folder, file)) for file in (_EXPLAINED, _AMPLITUDE))
            sources = SourceMaps.open(Path(folder, _SOURCES))
            files = {name: Path(folder, _part(name)) for name in _PARTS}
            parts = {name: tifffile.imread(file) for name, file in files.items() if file.exists()}
        except (OSError, tifffile.TiffFileError, InputError) as error:
            reason = str(error).removesuffix(".")
            raise InputError(
                f"{folder} has no maps that can be read ({reason}): run `calcdyn run` again."
            ) from error
        return cls(explained, amplitude, sources, **parts)


def _part(name: str) -> str:
    return f"contribution_{name}.tif"
