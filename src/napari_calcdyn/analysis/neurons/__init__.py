"""Neurons described by a model: t-SNE map, clusters, features of traces, and scores of a representation."""
