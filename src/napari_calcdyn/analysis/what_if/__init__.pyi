from .forecasting import ForecastError as ForecastError, forecast as forecast
from .forecasting import forecast_error as forecast_error, forecast_movie as forecast_movie
from .impulse import impulse_movie as impulse_movie, impulse_response as impulse_response
from .impulse import roi_push as roi_push, source_push as source_push
