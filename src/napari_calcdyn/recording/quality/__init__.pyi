from .correcting import correct_movie as correct_movie, corrections_for as corrections_for
from .correcting import parse_kinds as parse_kinds
from .findings import Finding as Finding
from .quality import Quality as Quality, check_quality as check_quality
