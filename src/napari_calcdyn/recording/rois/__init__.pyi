from .open import open_rois as open_rois
from .roi_set import RoiSet as RoiSet
