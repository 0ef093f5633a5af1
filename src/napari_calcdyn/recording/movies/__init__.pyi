from .corrections import KINDS as KINDS, Corrections as Corrections
from .joining import arranged as arranged, arranged_rows as arranged_rows
from .joining import (
    check_frame_rates as check_frame_rates,
    check_together as check_together,
    join as join,
    recorded_frames as recorded_frames,
)
from .movie import Movie as Movie
from .open import MovieInfo as MovieInfo, inspect_movie as inspect_movie, open_movie as open_movie
from .statistics import MovieStatistics as MovieStatistics
