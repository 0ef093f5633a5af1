"""What all docks have in common."""
