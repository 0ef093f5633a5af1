"""Neurons described by a model: t-SNE map, clusters, features of traces, and scores of a representation."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
