"""Rules, drivers and likeness in two-photon calcium recordings, inside napari."""

__version__ = "0.1.0"
