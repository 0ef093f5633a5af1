"""What kind of neuron a trace is of, whenever it is active: a representation for neurons of several recordings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
