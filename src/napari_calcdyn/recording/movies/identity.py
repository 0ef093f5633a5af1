"""What tells a recording from every other, and from itself before its files were changed."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .movie import Movie

_FRAMES = 8


def identity(movie: Movie) -> dict[str, Any]:
    """Describe a recording so that another one, or a changed one, has another description.

    Parameters
    ----------
    movie : Movie
        The recording.

    Returns
    -------
    dict
        As JSON can hold it: shape, dtype, the files with their sizes in bytes and times of modification in ns, and a
        digest of a few frames, which tells channels, planes and arrays in memory apart.

    Raises
    ------
    InputError
        If frames cannot be read.
    """
    digest = hashlib.sha256()
    for at in np.linspace(0, movie.n_frames - 1, _FRAMES).astype(int).tolist():
        digest.update(movie.frames(at, at + 1).tobytes())
    about = [(path.resolve(), path.stat()) for path in movie.files]
    return {
        "shape": list(movie.shape),
        "dtype": str(movie.dtype),
        "files": [[str(path), stat.st_size, stat.st_mtime_ns] for path, stat in about],
        "frames": digest.hexdigest(),
    }
