from .basis import RoiBasis as RoiBasis
from .encoding import encoded_footprints as encoded_footprints
from .roi_var import RoiVAR as RoiVAR, fit_roi_var as fit_roi_var
