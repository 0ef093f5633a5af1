"""Open recordings and stream through them: movies larger than memory, one block of frames at a time."""

from __future__ import annotations

from .errors import Cancelled, InputError
from .movie import Movie
from .open import MovieInfo, inspect_movie, open_movie
from .progress import ProgressCallback, report
from .statistics import MovieStatistics

__all__ = [
    "Cancelled",
    "InputError",
    "Movie",
    "MovieInfo",
    "MovieStatistics",
    "ProgressCallback",
    "inspect_movie",
    "open_movie",
    "report",
]
