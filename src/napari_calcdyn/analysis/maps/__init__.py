"""Contribution maps: which part of every pixel the dynamics predict; and maps that need no model."""
