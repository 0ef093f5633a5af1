"""The dock Traces below the picture."""
