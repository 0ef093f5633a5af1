"""Benchmark of the AVAE against PCA on simulated cultures, after Abante et al. (2025)."""
