from .model import VAR as VAR, fit_var as fit_var
from .moments import Moments as Moments
from .neighbours import Neighbourhoods as Neighbourhoods
from .selection import Selection as Selection
from .steady import SteadyVAR as SteadyVAR, fit_own_past as fit_own_past
from .weights import penalty_weights as penalty_weights
