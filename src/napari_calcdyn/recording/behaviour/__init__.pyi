from .behaviour import Behaviour as Behaviour
from .behaviour import open_behaviour as open_behaviour
