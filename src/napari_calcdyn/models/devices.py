"""Where to compute."""

from __future__ import annotations

import torch

from napari_calcdyn.recording import InputError


def available_devices() -> list[str]:
    """Return the devices this computer has, the fastest first."""
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.insert(0, "mps")
    if torch.cuda.is_available():
        found.insert(0, "cuda")
    return found


def resolve_device(name: str = "auto") -> torch.device:
    """Turn a device's name into a device.

    Parameters
    ----------
    name : str
        ``auto`` (the fastest there is), ``cuda``, ``mps`` or ``cpu``.

    Returns
    -------
    torch.device
        A device that is there.

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
