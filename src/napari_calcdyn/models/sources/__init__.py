"""Sources of a movie: cells, found by what their pixels share, and the background between them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
