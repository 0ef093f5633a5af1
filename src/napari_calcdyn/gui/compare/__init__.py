"""The panel Compare: whether the dynamics changed between two stretches."""
