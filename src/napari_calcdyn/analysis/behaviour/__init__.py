"""Which ROIs and latents are correlated with behaviour."""
