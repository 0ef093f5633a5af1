"""The AVAE: a variational autoencoder of single-neuron traces."""
