"""The dock Compare: whether the rules changed."""
