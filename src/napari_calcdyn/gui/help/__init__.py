"""The pages of the documentation in a window, without a network: what the ? of each panel opens."""
