"""The experiments of Abante et al. (2025) on simulated cultures: AVAE against PCA."""
