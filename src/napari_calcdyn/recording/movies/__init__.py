"""Movies: opened from files, read block by block, with their mean and spread."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
