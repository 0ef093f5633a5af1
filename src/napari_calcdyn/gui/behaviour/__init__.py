"""The dock Behaviour below the picture."""
