"""Sessions on disk: saved, opened again, and saved anew after every job."""
