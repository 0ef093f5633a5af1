"""Readers of the file formats of microscopes and programs."""
