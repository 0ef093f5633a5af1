"""The commands and the Python scripts that repeat what was done in the window."""
