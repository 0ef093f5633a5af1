from .culture_movie import movie_of_culture as movie_of_culture
from .cultures import SimulatedCultures as SimulatedCultures, simulate_culture as simulate_culture
from .cultures import simulate_cultures as simulate_cultures
from .movie import movie_of_traces as movie_of_traces, simulate_movie as simulate_movie
from .simulated_movie import SimulatedMovie as SimulatedMovie
