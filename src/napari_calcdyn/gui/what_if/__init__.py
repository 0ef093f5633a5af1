"""The section What if of the Inspector: push and forecast."""
