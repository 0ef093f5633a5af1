"""Jobs that turn a recording into a folder with results, tables and an overview figure."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
