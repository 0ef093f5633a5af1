from .roi_activity import roi_activity as roi_activity
from .sources import (
    CELLS_FOUND as CELLS_FOUND,
    NO_CELLS as NO_CELLS,
    Sources as Sources,
    find_sources as find_sources,
)
