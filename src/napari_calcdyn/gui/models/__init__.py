"""What both models have in common in the window: a panel to train, load and save them, and the work behind it."""
