"""Whole jobs: from a recording to a folder with results, tables and an overview figure."""
