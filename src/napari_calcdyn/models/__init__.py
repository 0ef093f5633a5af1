"""The lasso, the VAR on top of it, the networks, and one loop that trains them."""
