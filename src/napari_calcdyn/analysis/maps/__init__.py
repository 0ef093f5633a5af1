"""Contribution maps: which part of every pixel the dynamics predict; and maps that need no model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
