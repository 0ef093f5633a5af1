"""Movies: opened from files, read block by block, with their mean and spread."""
