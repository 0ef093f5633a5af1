"""Open recordings, ROIs and traces; stream through movies larger than memory, one block of frames at a time."""

from __future__ import annotations

from .baseline import delta_f_over_f
from .behaviour import Behaviour, open_behaviour
from .errors import Cancelled, InputError
from .extraction import extract_traces
from .movie import Movie
from .open import MovieInfo, inspect_movie, open_movie
from .open_rois import open_rois
from .open_traces import open_traces
from .progress import ProgressCallback, report
from .rois import RoiSet
from .scaling import Scaling
from .statistics import MovieStatistics
from .traces import Traces

__all__ = [
    "Behaviour",
    "Cancelled",
    "InputError",
    "Movie",
    "MovieInfo",
    "MovieStatistics",
    "ProgressCallback",
    "RoiSet",
    "Scaling",
    "Traces",
    "delta_f_over_f",
    "extract_traces",
    "inspect_movie",
    "open_behaviour",
    "open_movie",
    "open_rois",
    "open_traces",
    "report",
]
