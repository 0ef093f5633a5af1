"""Forms for settings, made from their definition."""
