"""The VAR between ROIs: what each gets from its own past, and from other ROIs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
