"""The sparse vector autoregression (VAR): its estimate, its order and how sparse it is."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
