"""The arrows between ROIs in the Inspector: the page, the layer and its mesh."""
