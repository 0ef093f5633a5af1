"""Neurons as a model describes them: t-SNE map, clusters, and how good a representation is."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
