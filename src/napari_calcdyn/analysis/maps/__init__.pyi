from .cheap import CheapMaps as CheapMaps, cheap_maps as cheap_maps
from .contribution import contribution_maps as contribution_maps, edge_map as edge_map
from .contribution_movies import contribution_movie as contribution_movie
from .contribution_movies import reconstruction_movie as reconstruction_movie
from .driven import driven_maps as driven_maps
from .path_maps import PathMaps as PathMaps
from .result import ContributionMaps as ContributionMaps
from .source_maps import SourceMaps as SourceMaps
