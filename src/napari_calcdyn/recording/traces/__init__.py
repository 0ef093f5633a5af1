"""Fluorescence traces: read from other programs, extracted from a movie, and turned into ΔF/F."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
