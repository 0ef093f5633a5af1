from .correlation import correlate_behaviour as correlate_behaviour
