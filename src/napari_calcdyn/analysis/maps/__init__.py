"""Contribution maps of a fitted model, and simple maps that need none."""
