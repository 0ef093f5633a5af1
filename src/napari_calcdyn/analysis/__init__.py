"""What a fitted model says about a recording, and maps that need no model."""
