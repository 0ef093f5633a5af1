"""The page of a result folder: one HTML file that needs nothing else."""
