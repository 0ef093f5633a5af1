"""Fitting the AVAE to the traces of a recording."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from typing import Any

import torch

from napari_calcdyn.models.devices import resolve_device
from napari_calcdyn.models.keeping import Keeper
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import Schedule, rise_and_fall, train
from napari_calcdyn.recording import Cancelled, InputError, Traces

from .config import AVAEConfig
from .data import Normalisation, noise_variance
from .networks import build_network
from .objective import AVAEObjective

_FEWEST_NEURONS = 10
_LARGEST_GRADIENT = 1.0
_LEARNING_RATE, _MANY_NEURONS = 3e-3, 1000
_DECAY = 0.99  # per epoch, the paper's


def fit_parts(
    traces: Traces,
    config: AVAEConfig,
    device: str,
    seed: int,
    stop: threading.Event | None,
    keeper: Keeper | None,
) -> Generator[Progress, None, tuple[dict[str, Any], Traces]]:
    """Train an AVAE with one neuron as one sample; parameters and errors as in `Model.fit_steps`.

    Yields
    ------
    Progress
        About ten times a second.

    Returns
    -------
    tuple of dict and Traces
        The attributes of a fitted `AVAE`, as the generator's return value; the traces are those that were held out.
    """
    start = time.monotonic()
    where = resolve_device(device)
    usable = int(traces.usable.sum())
    if usable < _FEWEST_NEURONS:
        raise InputError(
            f"{traces.name} has {usable} traces that can be used, and at least {_FEWEST_NEURONS} neurons are needed:"
            " add ROIs, or check the traces."
        )
    if traces.samples < 2:
        raise InputError(f"{traces.name} has one sample per trace: take a longer recording.")
    yield Progress("Preparing the traces")
    known = traces.select(traces.usable)
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    held_out = max(2, round(config.validation * len(known)))
    validation, training = order[:held_out], order[held_out:]
    normalisation = Normalisation.fit(known.select(training.numpy()), config)
    values, valid = normalisation.apply(known)

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = build_network(
            config.architecture, known.samples, config.hidden, config.latent, min(config.patch, known.samples)
        )
        network.start_from(values[training])
    network.to(where)
    if config.error_unit == "noise":
        noise = noise_variance(values[training], valid[training])
    else:  # 2 v = 1 in units of the scaled traces
        noise = 0.5 / normalisation.scale**2
    objective = AVAEObjective(network, values, valid, training, validation, noise, config, seed)
    schedule = _schedule(config, len(training), objective.steps_per_epoch)
    if stop is not None and stop.is_set():
        raise Cancelled("The computation was cancelled.")
    step = 0
    try:
        for progress in train(objective, schedule, stop=stop, keeper=keeper):
            step = progress.step
            yield progress
    except torch.OutOfMemoryError as error:
        raise InputError(
            "The graphics card has too little memory for this training: ask for fewer neurons per step, or use the"
            " device cpu."
        ) from error

    loss, _ = objective.validate(1, 1)
    metrics = {
        "architecture": config.architecture,
        "hidden": config.hidden,
        "latent": config.latent,
        "beta": config.beta,
        "neurons": len(known),
        "samples": known.samples,
        "epochs": math.ceil(step / objective.steps_per_epoch),
        "validation_loss": loss,
        "seconds": time.monotonic() - start,
        "device": where.type,
        "seed": seed,
    }
    parts = {
        "network": network,
        "normalisation": normalisation,
        "noise": noise,
        "ids": known.ids,
        "samples": known.samples,
        "frame_rate": traces.frame_rate,
        "metrics": metrics,
    }
    return parts, known.select(validation.numpy())


def _schedule(config: AVAEConfig, neurons: int, steps_per_epoch: int) -> Schedule:
    def exponential(step: int, steps: int) -> float:
        return _DECAY ** (step // steps_per_epoch)

    return Schedule(
        steps=config.epochs * steps_per_epoch,
        # With few neurons, large steps would only fit their noise.
        learning_rate=config.learning_rate or _LEARNING_RATE * min(1.0, neurons / _MANY_NEURONS),
        patience=config.patience,
        check_every=steps_per_epoch,
        least_improvement=config.least_improvement,
        largest_gradient=_LARGEST_GRADIENT,
        rate=exponential if config.decay == "exponential" else rise_and_fall,
    )
