"""Results as folders: written by the jobs and by the window in the same way, and read back."""
