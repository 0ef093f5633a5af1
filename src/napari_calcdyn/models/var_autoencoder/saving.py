"""What of an ℓ1-VAR autoencoder is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.checkpoint import VAR_AUTOENCODER, open_checkpoint, save_checkpoint, with_prefix
from napari_calcdyn.models.var.model import VAR
from napari_calcdyn.models.var.moments import Moments

from .config import VARAutoencoderConfig
from .network import PatchAutoencoder

Parts = tuple[VARAutoencoderConfig, PatchAutoencoder, NDArray[np.float32], float, VAR, dict[str, Any]]


def save_var_autoencoder(folder: Path, *parts: Any) -> None:
    """Write a model to a folder.

    Parameters
    ----------
    folder : Path
        Made or replaced.
    *parts
        Settings, network, offset, scale, VAR and metrics of the model.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds something else than a model.
    """
    config, network, offset, scale, var, metrics = parts
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {
        "offset": torch.from_numpy(offset),
        "var.mean": torch.from_numpy(var.mean),
        "var.std": torch.from_numpy(var.std),
        "var.gram": var.moments.gram,
        "var.cov": var.moments.cov,
        "var.variance": var.moments.variance,
        "var.weights": var.weights,
        "var.penalty": var.penalty,
    }
    settings = {
        "config": config.model_dump(),
        "frame_shape": network.frame_shape,
        "latents": network.latents,
        "scale": scale,
        "samples": var.moments.samples,
        "metrics": metrics,
    }
    save_checkpoint(folder, VAR_AUTOENCODER, tensors, settings)


def load_var_autoencoder(folder: Path) -> Parts:
    """Read a model.

    Parameters
    ----------
    folder : Path
        What `save_var_autoencoder` wrote.

    Returns
    -------
    tuple
        Settings, network (on the CPU), offset, scale, VAR and metrics.

    Raises
    ------
    InputError
        If it holds no such model, or one that is damaged.
    """
    with open_checkpoint(folder, VAR_AUTOENCODER) as (settings, tensors):
        config = VARAutoencoderConfig(**settings["config"])
        height, width = settings["frame_shape"]
        network = PatchAutoencoder((height, width), settings["latents"], config.kernels)
        network.load_state_dict(with_prefix(tensors, "network."))
        moments = Moments(
            tensors["var.gram"], tensors["var.cov"], tensors["var.variance"], int(settings["samples"])
        )
        var = VAR(
            tensors["var.mean"].numpy(),
            tensors["var.std"].numpy(),
            moments,
            tensors["var.weights"],
            tensors["var.penalty"],
        )
        offset = tensors["offset"].numpy()
        _check_sizes(var, network.latents, config.order)
        if offset.shape != (height, width):
            raise ValueError("sizes disagree")
        return config, network, offset, float(settings["scale"]), var, dict(settings["metrics"])


def _check_sizes(var: VAR, latents: int, order: int) -> None:
    """Find a VAR of other sizes now, not when it is first used."""
    moments, predictors = var.moments, order * latents
    found = (var.mean, var.std, var.penalty, moments.variance, moments.gram, moments.cov, var.weights)
    square, tall = (predictors, predictors), (predictors, latents)
    expected = [(latents,)] * 4 + [square, tall, tall]
    if [tuple(values.shape) for values in found] != expected:
        raise ValueError("sizes disagree")
