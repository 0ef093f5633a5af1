"""A comparison of two stretches of time, with what was asked."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.sequences.comparison import Comparison
    from napari_calcdyn.jobs.comparison import ComparisonMaps
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie


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
    centres : ndarray (d, 2)
        Places of the model's latents, in pixels (y, x).
    model : weakref
        The model that looked at them.
    """

    comparison: Comparison
    maps: ComparisonMaps
    movies: tuple[weakref.ref[Movie], ...]
    a: list[range]
    b: list[range]
    words: str
    source: weakref.ref[Movie] | None
    centres: NDArray[np.float32]
    model: weakref.ref[VARAutoencoder]

    def is_of(self, movie: Movie | None) -> bool:
        """Whether this is the recording, so that the answer can be shown over it."""
        return movie is not None and movie is self.movies[0]()
