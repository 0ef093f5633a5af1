"""Devices of this computer that torch can use."""

from __future__ import annotations

import torch

from napari_calcdyn.recording import InputError


def available_devices() -> list[str]:
    """Return the names of the devices of this computer, the fastest first."""
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.insert(0, "mps")
    if torch.cuda.is_available():
        found.insert(0, "cuda")
    return found


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name : str
        ``auto`` (the fastest there is), ``cuda``, ``mps`` or ``cpu``.

    Returns
    -------
    torch.device
        An available device.

    Raises
    ------
    InputError
        If the name is unknown or this computer has no such device.
    """
    found = available_devices()
    if name == "auto":
        return torch.device(found[0])
    if name not in ("cuda", "mps", "cpu"):
        raise InputError(f"There is no device {name!r}: choose auto, cuda, mps or cpu.")
    if name not in found:
        raise InputError(
            f"This computer has no {name} device that torch can use: choose {' or '.join(found)}."
        )
    return torch.device(name)
