from .config import VARAutoencoderConfig as VARAutoencoderConfig
from .model import VARAutoencoder as VARAutoencoder
