"""A comparison of two stretches of time, with what was asked."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.sequences.comparison import Comparison
    from napari_calcdyn.jobs.comparison import ComparisonMaps
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, RoiSet


@dataclass(frozen=True, eq=False)
class Compared:
    """An answer, with what was asked; it keeps neither recording nor model alive.

    Parameters
    ----------
    comparison : Comparison
        The test.
    maps : ComparisonMaps
        Where the dynamics differ.
    movies : tuple of weakref
        The recording that A is in, and the other one where B is in another one.
    a, b : list of range
        Frames, each of the recording that it is in.
    words : str
        What A and B are.
    source : weakref, optional
        The recording that A is in, whatever was corrected in it.
    centres : mapping of int to ndarray (2,)
        Places of the latents, or of the ROIs by their ids, in pixels (y, x).
    model : weakref
        The model that looked at them.
    rois : RoiSet or None
        Those whose activities were compared; None where latents were.
    block : int or "auto"
        Frames in a block, as asked for.
    """

    comparison: Comparison
    maps: ComparisonMaps
    movies: tuple[weakref.ref[Movie], ...]
    a: list[range]
    b: list[range]
    words: str
    source: weakref.ref[Movie] | None
    centres: Mapping[int, NDArray[np.float32]]
    model: weakref.ref[VARAutoencoder]
    rois: RoiSet | None = None
    block: int | Literal["auto"] = "auto"

    def is_of(self, movie: Movie | None) -> bool:
        """Whether this is the recording, so that the answer can be shown over it."""
        return movie is not None and movie is self.movies[0]()
