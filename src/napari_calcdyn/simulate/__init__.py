"""Recordings whose truth is known."""
