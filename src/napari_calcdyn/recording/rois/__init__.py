"""Regions of interest (ROIs): read from other programs, drawn, and turned into pixel weights."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
