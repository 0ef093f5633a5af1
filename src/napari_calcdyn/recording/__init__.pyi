from .behaviour import Behaviour as Behaviour, open_behaviour as open_behaviour
from .errors import Cancelled as Cancelled, InputError as InputError
from .movies import Movie as Movie, MovieInfo as MovieInfo, MovieStatistics as MovieStatistics
from .movies import inspect_movie as inspect_movie, open_movie as open_movie
from .progress import ProgressCallback as ProgressCallback, report as report
from .rois import RoiSet as RoiSet, open_rois as open_rois
from .traces import Denoised as Denoised, denoise as denoise
from .traces import Scaling as Scaling, Traces as Traces, delta_f_over_f as delta_f_over_f
from .traces import extract_traces as extract_traces, open_traces as open_traces
