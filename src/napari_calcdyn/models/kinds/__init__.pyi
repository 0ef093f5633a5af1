from .config import KindConfig as KindConfig
from .model import KindEncoder as KindEncoder
