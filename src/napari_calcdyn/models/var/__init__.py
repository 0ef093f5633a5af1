"""The sparse vector autoregression (VAR): its estimate, its order and how sparse it is."""
