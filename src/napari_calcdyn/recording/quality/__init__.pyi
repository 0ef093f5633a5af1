from .correcting import correct_movie as correct_movie, corrections_for as corrections_for
from .correcting import parse_kinds as parse_kinds
from .correcting import correct_movies as correct_movies
from .findings import Finding as Finding
from .first_look import first_look as first_look
from .quality import Quality as Quality, check_quality as check_quality
