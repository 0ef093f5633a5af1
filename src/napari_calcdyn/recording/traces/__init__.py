"""Fluorescence traces: read from other programs, extracted from a movie, and turned into ΔF/F."""
