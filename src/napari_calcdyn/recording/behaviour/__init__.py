"""What the animal did while it was recorded."""
