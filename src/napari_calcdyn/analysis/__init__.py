"""Maps, influence, comparisons, forecasts and neurons, computed from a recording and its fitted model."""
