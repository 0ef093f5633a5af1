from .sources import Sources as Sources, find_sources as find_sources
