"""The dock Recording, and the readers that napari calls."""
