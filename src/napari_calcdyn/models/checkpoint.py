"""Models on disk: numbers as safetensors, everything else as JSON. Nothing in them is ever executed."""

from __future__ import annotations

import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..recording import InputError
from .config import VARAutoencoderConfig
from .moments import Moments
from .network import PatchAutoencoder
from .var import VAR

_FORMAT = "napari-calcdyn ℓ1-VAR autoencoder"
_FORMAT_VERSION = 1
_SETTINGS = "model.json"
_NUMBERS = "model.safetensors"
_LIBRARIES = ("napari-calcdyn", "torch", "numpy", "safetensors")

Parts = tuple[VARAutoencoderConfig, PatchAutoencoder, NDArray[np.float32], float, VAR, dict[str, Any]]


def save_checkpoint(folder: Path, *parts: Any) -> None:
    """Write a model beside its place, then move it there.

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
    if not _may_be_replaced(folder):
        raise InputError(f"{folder} holds something else than a model: choose another folder to save to.")
    tensors = {f"network.{name}": value.cpu().contiguous() for name, value in network.state_dict().items()}
    tensors |= {
        "offset": torch.from_numpy(offset),
        "var.mean": torch.from_numpy(var.mean),
        "var.std": torch.from_numpy(var.std),
        "var.gram": var.moments.gram.contiguous(),
        "var.cov": var.moments.cov.contiguous(),
        "var.variance": var.moments.variance.contiguous(),
        "var.weights": var.weights.contiguous(),
        "var.penalty": var.penalty.contiguous(),
    }
    settings = {
        "format": _FORMAT,
        "version": _FORMAT_VERSION,
        "config": config.model_dump(),
        "frame_shape": network.frame_shape,
        "latents": network.latents,
        "scale": scale,
        "samples": var.moments.samples,
        "metrics": metrics,
        "libraries": {"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            new, old = Path(beside, "new"), Path(beside, "old")
            new.mkdir()
            save_file(tensors, new / _NUMBERS)
            (new / _SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")
            _swap(folder, new, old)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"The model cannot be saved to {folder} ({reason}): choose a folder that you may write to."
        ) from error


def _may_be_replaced(folder: Path) -> bool:
    """Return whether nothing is there, or a model of this program and nothing else."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    if not names:
        return True
    try:
        _read_settings(folder)
    except InputError:
        return False
    return names <= {_SETTINGS, _NUMBERS}


def _swap(folder: Path, new: Path, old: Path) -> None:
    """Move a model to its place and the one that was there out of the way; all or nothing."""
    replaced = folder.exists()
    if replaced:
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        if replaced:
            old.rename(folder)
        raise


def load_checkpoint(folder: Path) -> Parts:
    """Read a model.

    Parameters
    ----------
    folder : Path
        What `save_checkpoint` wrote.

    Returns
    -------
    tuple
        Settings, network (on the CPU), offset, scale, VAR and metrics.

    Raises
    ------
    InputError
        If it holds no model of this program, or one that is damaged.
    """
    settings = _read_settings(folder)
    try:
        tensors = load_file(folder / _NUMBERS)
        config = VARAutoencoderConfig(**settings["config"])
        height, width = settings["frame_shape"]
        network = PatchAutoencoder((height, width), settings["latents"], config.kernels)
        weights = {
            key.removeprefix("network."): tensors[key] for key in tensors if key.startswith("network.")
        }
        network.load_state_dict(weights)
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
    except (
        OSError,
        SafetensorError,
        ValidationError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:
        raise InputError(
            f"The model in {folder} is damaged or was written by another version: train or save it again."
        ) from error


def _check_sizes(var: VAR, latents: int, order: int) -> None:
    """Find a VAR of other sizes now, not when it is first used."""
    moments, predictors = var.moments, order * latents
    found = (var.mean, var.std, var.penalty, moments.variance, moments.gram, moments.cov, var.weights)
    square, tall = (predictors, predictors), (predictors, latents)
    expected = [(latents,)] * 4 + [square, tall, tall]
    if [tuple(values.shape) for values in found] != expected:
        raise ValueError("sizes disagree")


def _read_settings(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise InputError(f"There is no model folder {folder}: check the path.")
    try:
        settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    if not isinstance(settings, dict) or settings.get("format") != _FORMAT:
        raise InputError(
            f"{folder} is not a model of napari-calcdyn: choose the folder that was saved, with {_SETTINGS}"
            " in it."
        )
    if settings.get("version") != _FORMAT_VERSION:
        raise InputError(f"The model in {folder} is of another version of napari-calcdyn: train it again.")
    return settings
