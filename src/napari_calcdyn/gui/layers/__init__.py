"""Results as layers in the viewer."""
