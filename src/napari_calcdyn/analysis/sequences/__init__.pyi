from .comparison import Comparison as Comparison
from .comparison import compare_sequences as compare_sequences
