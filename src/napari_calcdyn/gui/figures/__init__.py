"""Figures for a paper, of what the window shows."""
