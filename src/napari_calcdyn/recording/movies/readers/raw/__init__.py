"""Recordings that are plain numbers in a file, described at its end or in a file beside it."""
