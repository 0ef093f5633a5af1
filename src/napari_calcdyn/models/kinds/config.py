"""The settings of the encoder of kinds, defined once."""

from __future__ import annotations

from typing import ClassVar, Literal

from napari_calcdyn.models.settings import Settings
from napari_calcdyn.recording.settings import setting


class KindConfig(Settings):
    """Settings of the encoder of kinds; frozen, checked when made."""

    presets: ClassVar = {"standard": {}}

    latent: int = setting("Representation", "Latents", 8, ge=1, le=42)  # as many as STATISTICS
    """Number of latents that describe a neuron."""
    scaling: Literal["trace", "noise"] = setting("Representation", "Scaled by", "noise")
    """noise: events are measured in units of the noise, so that large events count as large. trace: by each neuron's
    own range, so that only the shape of its activity counts."""
