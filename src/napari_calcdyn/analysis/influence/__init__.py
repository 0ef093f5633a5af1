"""Tested connections between ROIs, and the latents that drive one region."""
