from .comparison import Comparison as Comparison, compare_sequences as compare_sequences
