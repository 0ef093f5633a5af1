"""Whether the device computes what the processor computes, within single precision.

Every check has a control: the same comparison with something that is a little wrong. A check counts as passed if the
difference is within its limit and the control's is not, so that a check that sees nothing fails.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from gpu_steps import solvers_of

import napari_calcdyn as cd
from napari_calcdyn.models.avae import AVAE, AVAEConfig
from napari_calcdyn.models.lasso import lambda_max, solve_lasso
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import Traces
from napari_calcdyn.simulate import simulate_cultures, simulate_movie

SAME_WEIGHTS, SAME_TRAINING = 1e-5, 1e-3
FASTER = 1.1  # the learning rate of the control
COARSER = "weights in bfloat16"
Row = dict[str, object]


def apart(one: Any, other: Any) -> float:
    """Return the norm of the difference over that of the second."""
    one, other = (np.asarray(it, np.float64) for it in (one, other))
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def checked(what: str, found: Any, expected: Any, wrong: Any, limit: float, control: str) -> Row:
    """Compare, and compare the control."""
    difference, difference_then = apart(found, expected), apart(wrong, expected)
    return {
        "what": what,
        "difference": difference,
        "limit": limit,
        "control": control,
        "control's difference": difference_then,
        "passed": bool(difference <= limit < difference_then),
    }


def coarsened(model: Any) -> Any:
    """Round the weights of a network."""
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.copy_(parameter.bfloat16())
    return model


def lasso(device: str) -> Iterator[Row]:
    """Coefficients and gradients at a tenth of λ_max: 128 predictors, 64 targets."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2001, 128))
    for t in range(1, len(z)):
        z[t] = 0.9 * z[t - 1] + np.sqrt(1 - 0.81) * z[t]
    for dtype, limit in ((torch.float32, 1e-4), (torch.float64, 1e-9)):
        solved = []
        for where, factor, solvers in (
            (device, 0.1, solvers_of(device)),
            ("cpu", 0.1, nullcontext()),
            ("cpu", 0.101, nullcontext()),
        ):
            gram, cov = (
                torch.from_numpy(it / 2000).to(where, dtype).requires_grad_()
                for it in (z[:-1].T @ z[:-1], z[:-1].T @ z[1:, :64])
            )
            with solvers:
                answer = solve_lasso(gram, cov, factor * lambda_max(gram, cov).detach())
                answer.square().sum().backward()
            solved.append([it.detach().cpu().numpy() for it in (answer, gram.grad, cov.grad)])
        for what, *values in zip(("coefficients", "gradient, gram", "gradient, cov"), *solved, strict=True):
            kind = str(dtype).removeprefix("torch.")
            yield checked(f"lasso, {kind}: {what}", *values, limit, "penalty + 1 %")


def var_autoencoder(device: str, quick: bool) -> Iterator[Row]:
    """Train the same on both, and use one trained model on both."""
    frames, size, steps = (300, 48, 20) if quick else (600, 96, 50)
    movie = cd.Movie.from_array(simulate_movie(frames=frames, height=size, width=size, seed=0).movie)
    config = VARAutoencoderConfig(latents=(size // 8) ** 2, steps=steps, patience=1000)
    faster = config.model_copy(update={"learning_rate": FASTER * config.learning_rate})
    with solvers_of(device):
        found = VARAutoencoder(config).fit(movie, device=device)
    trained = [found, *(VARAutoencoder(it).fit(movie, device="cpu") for it in (config, faster))]
    control = f"learning rate × {FASTER}"

    def compare(what: str, values: list[Any]) -> Row:
        return checked(f"{steps} steps of training: {what}", *values, SAME_TRAINING, control)

    yield compare("latents", [it.encode(movie) for it in trained])
    yield compare(
        "explained map", [cd.contribution_maps(it, movie, sources=False).explained for it in trained]
    )
    for name in ("reconstruction_error", "latent_prediction_error", "picture_prediction_error"):
        yield compare(f"held-out {name.replace('_', ' ')}", [it.metrics[name] for it in trained])

    with tempfile.TemporaryDirectory() as folder:
        found.save(f"{folder}/model")
        models = [VARAutoencoder.load(f"{folder}/model", device=where) for where in (device, "cpu", "cpu")]
    coarsened(models[2])
    maps = [cd.contribution_maps(it, movie) for it in models]
    latents = models[1].encode(movie)
    for what, values in {
        "latents": [it.encode(movie) for it in models],
        "reconstruction": [it.decode(latents) - it.offset for it in models],
        "explained map": [it.explained for it in maps],
        "maps of sources": [it.sources for it in maps],
    }.items():
        yield checked(f"same weights: {what}", *values, SAME_WEIGHTS, COARSER)


def avae(device: str, quick: bool) -> Iterator[Row]:
    """Do the same with the AVAE, on simulated cultures."""
    neurons, rate, epochs = (20, 10.0, 4) if quick else (60, 20.0, 10)
    cultures = simulate_cultures(("RS", "IB", "CH"), 1, neurons, 30.0, frame_rate=rate, seed=0)
    traces = Traces.from_array(cultures.noisy(1.0, seed=0))
    for architecture in ("residual", "paper", "sequence"):
        config = AVAEConfig(architecture=architecture, epochs=epochs, learning_rate=1e-3)
        faster = config.model_copy(update={"learning_rate": FASTER * 1e-3})
        trained = [
            AVAE(it).fit(traces, device=where)
            for it, where in ((config, device), (config, "cpu"), (faster, "cpu"))
        ]
        what = f"AVAE, {architecture}, {epochs} epochs of training: latents"
        latents = [it.encode(traces)[0] for it in trained]
        yield checked(what, *latents, SAME_TRAINING, f"learning rate × {FASTER}")
        with tempfile.TemporaryDirectory() as folder:
            trained[0].save(f"{folder}/model")
            models = [AVAE.load(f"{folder}/model", device=where) for where in (device, "cpu", "cpu")]
        coarsened(models[2])
        for what, values in {
            "latents": [it.encode(traces)[0] for it in models],
            "redrawn traces": [it.reconstruct(traces) for it in models],
        }.items():
            yield checked(f"AVAE, {architecture}, same weights: {what}", *values, SAME_WEIGHTS, COARSER)
