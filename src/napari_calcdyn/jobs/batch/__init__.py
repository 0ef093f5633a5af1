"""Many recordings, settings and jobs at once, on the workers of Dask; only `cluster` and `batch` import it."""
