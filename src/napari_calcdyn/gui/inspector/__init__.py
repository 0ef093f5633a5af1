"""The dock Inspector: what drives a region, and what it drives."""
