"""Simulated recordings and cultures whose truth is known."""
