"""Open recordings, ROIs and traces; stream through movies larger than memory, one block of frames at a time."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
