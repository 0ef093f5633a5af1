"""Impulse responses and forecasts of a fitted model."""
