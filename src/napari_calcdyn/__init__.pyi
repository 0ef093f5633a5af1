__version__: str

from .analysis.behaviour import correlate_behaviour as correlate_behaviour
from .analysis.influence import influence_test as influence_test, roi_influence as roi_influence
from .analysis.maps import (
    ContributionMaps as ContributionMaps,
    PathMaps as PathMaps,
    cheap_maps as cheap_maps,
    driven_maps as driven_maps,
)
from .analysis.maps import contribution_maps as contribution_maps, contribution_movie as contribution_movie
from .analysis.maps import edge_map as edge_map
from .analysis.neurons import Embedding as Embedding, Neurons as Neurons, analyse_neurons as analyse_neurons
from .analysis.neurons import alike_neurons as alike_neurons
from .analysis.neurons import cluster_neurons as cluster_neurons, fit_tsne as fit_tsne
from .analysis.neurons import ConditionTest as ConditionTest, compare_conditions as compare_conditions
from .analysis.neurons import SharedMap as SharedMap, map_recordings as map_recordings
from .analysis.sequences import compare_sequences as compare_sequences
from .analysis.what_if import forecast as forecast, forecast_error as forecast_error
from .analysis.what_if import forecast_movie as forecast_movie, impulse_movie as impulse_movie
from .analysis.what_if import impulse_response as impulse_response, roi_push as roi_push
from .analysis.what_if import source_push as source_push
from .models.avae import AVAE as AVAE
from .models.kinds import KindEncoder as KindEncoder
from .models.lasso import lambda_max as lambda_max, lasso_path as lasso_path, solve_lasso as solve_lasso
from .models.roi_var import RoiVAR as RoiVAR, fit_roi_var as fit_roi_var
from .models.sources import Sources as Sources, find_sources as find_sources, roi_activity as roi_activity
from .models.var_autoencoder import VARAutoencoder as VARAutoencoder
from .recording import Behaviour as Behaviour, InputError as InputError, Movie as Movie, RoiSet as RoiSet
from .recording.quality import Quality as Quality, check_quality as check_quality
from .recording.movies import join as join
from .recording.quality import correct_movie as correct_movie, correct_movies as correct_movies
from .recording.quality import first_look as first_look
from .recording import Denoised as Denoised, denoise as denoise
from .recording import Traces as Traces, delta_f_over_f as delta_f_over_f, extract_traces as extract_traces
from .recording import inspect_movie as inspect_movie, open_behaviour as open_behaviour
from .recording import open_movie as open_movie, open_rois as open_rois, open_traces as open_traces
from .simulate import simulate_culture as simulate_culture, simulate_cultures as simulate_cultures
from .simulate import simulate_movie as simulate_movie
