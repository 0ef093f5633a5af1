"""Regions of interest (ROIs): read from other programs, drawn, and turned into pixel weights."""
