"""Plots that several docks show."""
