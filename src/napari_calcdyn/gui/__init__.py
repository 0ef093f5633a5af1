"""The napari side: docks, layers, plots, and the work behind them."""
