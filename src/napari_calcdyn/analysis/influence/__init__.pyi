from .drivers import Drivers as Drivers
from .drivers import drivers as drivers
from .drivers import sources_map as sources_map
from .influence import Influence as Influence
from .influence import influence_test as influence_test
from .influence import roi_influence as roi_influence
from .roi_prediction import predicted_traces as predicted_traces
