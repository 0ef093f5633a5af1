"""The page *Between cells* of the dock Dynamics: which cell drives which, and where that shows."""
