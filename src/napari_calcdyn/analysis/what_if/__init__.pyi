from .forecasting import ForecastError as ForecastError
from .forecasting import forecast as forecast
from .forecasting import forecast_error as forecast_error
from .forecasting import forecast_movie as forecast_movie
from .impulse import impulse_movie as impulse_movie
from .impulse import impulse_response as impulse_response
from .impulse import roi_push as roi_push
from .impulse import source_push as source_push
