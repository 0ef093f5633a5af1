"""Which ROI drives which, and what drives one region."""
