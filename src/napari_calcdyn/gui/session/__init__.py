"""What the docks of one viewer share."""
