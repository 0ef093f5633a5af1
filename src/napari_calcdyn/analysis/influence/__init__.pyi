from .influence import Influence as Influence, influence_test as influence_test
from .influence import roi_influence as roi_influence
from .region import Drivers as Drivers, drivers as drivers, sources_map as sources_map
from .roi_prediction import predicted_traces as predicted_traces
