"""Traces and models that the tests of the AVAE share."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.avae.model import AVAE
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Traces

# Everything is stated, so that other defaults leave the tests what they are.
SMALL: dict[str, Any] = {
    "architecture": "residual",
    "latent": 3,
    "hidden": 16,
    "beta": 0.5,
    "error_unit": "noise",
    "scaling": "recording",
    "skip": True,
    "refinement": 0,
    "likeness": 0.0,
    "pull": 0.0,
    "largest_shift": 0.1,
    "warm_up": 0.1,
    "epochs": 10,
    "batch": 16,
    "learning_rate": 3e-3,
    "decay": "cosine",
    "patience": 1000,
    "least_improvement": 0.0,
    "validation": 0.1,
}


def events(neurons: int, samples: int = 80, *, noise: float = 0.05, seed: int = 0) -> NDArray[np.float32]:
    """One event per neuron, somewhere in time: a curve of shapes, which no few components span."""
    draw = np.random.default_rng(seed)
    when = draw.uniform(0.2, 0.8, (neurons, 1)) * samples
    shape = np.exp(-0.5 * np.square((np.arange(samples) - when) / (0.08 * samples)))
    traces = 100 + 40 * shape + 40 * noise * draw.standard_normal((neurons, samples))
    return traces.astype(np.float32)


def recording(neurons: int = 80, samples: int = 80, **options: Any) -> Traces:
    return Traces.from_array(events(neurons, samples, **options), frame_rate=20.0, name="a.csv")


def fit(
    traces: Traces, *, seed: int = 0, stop: threading.Event | None = None, **settings: Any
) -> tuple[AVAE, list[Progress]]:
    """Train a small model."""
    run = AVAE(AVAEConfig(**{**SMALL, **settings})).fit_steps(traces, device="cpu", seed=seed, stop=stop)
    reports = []
    while True:
        try:
            reports.append(next(run))
        except StopIteration as end:
            return end.value, reports
