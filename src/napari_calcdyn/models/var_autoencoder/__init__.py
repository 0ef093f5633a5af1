"""The ℓ1-VAR autoencoder: frames to latents and back, and the VAR that predicts the latents."""
