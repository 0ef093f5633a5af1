from .alike import alike_neurons as alike_neurons
from .clustering import cluster_neurons as cluster_neurons
from .conditions import ConditionTest as ConditionTest, compare_conditions as compare_conditions
from .neurons import Neurons as Neurons, analyse_neurons as analyse_neurons
from .shared_map import SharedMap as SharedMap, map_recordings as map_recordings
from .tsne import Embedding as Embedding, fit_tsne as fit_tsne
