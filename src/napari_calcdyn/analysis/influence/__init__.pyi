from .influence import Influence as Influence
from .influence import influence_test as influence_test
from .influence import roi_influence as roi_influence
from .region import Drivers as Drivers
from .region import drivers as drivers
from .region import sources_map as sources_map
from .roi_prediction import predicted_traces as predicted_traces
