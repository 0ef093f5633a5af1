from .check import run_check as run_check
from .comparison import run_compare as run_compare
from .influence import run_influence as run_influence
from .maps import run as run
from .neurons import run_neurons as run_neurons
from .recordings import run_recordings as run_recordings
