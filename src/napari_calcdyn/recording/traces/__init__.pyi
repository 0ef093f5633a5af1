from .baseline import delta_f_over_f as delta_f_over_f
from .denoising import BAND as BAND, Denoised as Denoised, denoise as denoise
from .extraction import extract_traces as extract_traces
from .open import open_traces as open_traces
from .scaling import Scaling as Scaling
from .traces import Traces as Traces
