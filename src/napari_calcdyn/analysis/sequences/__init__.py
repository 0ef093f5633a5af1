"""Whether two stretches of time follow the same VAR."""
