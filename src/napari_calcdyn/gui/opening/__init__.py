"""A look at what is about to be opened: what was found, a picture of it, and what can be chosen."""
