"""Behaviour of the animal during a recording."""
