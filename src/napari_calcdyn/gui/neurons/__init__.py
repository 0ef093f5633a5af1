"""The dock Neurons: ROIs, traces, the map of neurons, and clicks on any of them."""
