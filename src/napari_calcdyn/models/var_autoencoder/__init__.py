"""The ℓ1-VAR autoencoder: frames to latents and back, and the VAR that predicts the latents."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
