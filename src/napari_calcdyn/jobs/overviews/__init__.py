"""One overview figure for each kind of result."""
