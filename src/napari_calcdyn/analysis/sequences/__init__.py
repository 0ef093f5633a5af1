"""Comparison of two stretches of time: test, changed connections and maps."""
