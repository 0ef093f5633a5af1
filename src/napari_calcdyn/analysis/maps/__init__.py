"""Contribution maps of a fitted model, and simple maps that need none."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
