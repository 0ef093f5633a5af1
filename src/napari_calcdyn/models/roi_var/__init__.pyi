from .basis import RoiBasis as RoiBasis
from .encoding import encoded_footprints as encoded_footprints
from .roi_var import (
    OWN_ORDER as OWN_ORDER,
    RoiVAR as RoiVAR,
    fit_activity_var as fit_activity_var,
    fit_roi_var as fit_roi_var,
)
