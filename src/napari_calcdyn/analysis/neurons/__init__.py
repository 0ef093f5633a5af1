"""Neurons as a model describes them: t-SNE map, clusters, and how good a representation is."""
