from .config import AVAEConfig as AVAEConfig
from .model import AVAE as AVAE
