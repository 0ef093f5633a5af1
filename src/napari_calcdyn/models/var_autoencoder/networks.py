"""The network that the settings ask for."""

from __future__ import annotations

from torch import Tensor

from .autoencoder import Autoencoder
from .config import VARAutoencoderConfig
from .convolutional import ConvolutionalAutoencoder
from .network import PatchAutoencoder


def new_network(
    config: VARAutoencoderConfig,
    frame_shape: tuple[int, int],
    latents: int,
    *,
    activity: Tensor | None = None,
    seed: int = 0,
) -> Autoencoder:
    """Make a network with initial weights.

    Parameters
    ----------
    config : VARAutoencoderConfig
        Settings.
    frame_shape : tuple of int
        Height and width of a frame in pixels.
    latents : int
        Number of latents d.
    activity : Tensor (Y, X), optional
        How much each pixel changes.
    seed : int
        Of the weights.

    Returns
    -------
    Autoencoder
        Of the kind that `config.network` names.
    """
    kind = PatchAutoencoder if config.network == "footprints" else ConvolutionalAutoencoder
    return kind(frame_shape, latents, config.kernels, activity=activity, seed=seed)
