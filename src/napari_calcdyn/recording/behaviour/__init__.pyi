from .behaviour import Behaviour as Behaviour
from .open import open_behaviour as open_behaviour
