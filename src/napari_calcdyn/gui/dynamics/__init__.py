"""The dock Dynamics: train, see maps and connections."""
