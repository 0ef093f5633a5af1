"""The lasso: exact, differentiable estimates and paths for many targets that share one Gram matrix."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
