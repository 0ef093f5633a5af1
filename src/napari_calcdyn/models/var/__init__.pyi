from .model import VAR as VAR
from .model import fit_var as fit_var
from .model import penalty_weights as penalty_weights
from .moments import Moments as Moments
from .selection import Selection as Selection
