"""Refinement of the encoder's latents to those that explain a trace best."""

from __future__ import annotations

import torch
from torch import Tensor

from .networks import AVAENetwork

_DIFFERENCE = 0.01  # of a latent, in units of the prior: for the decoder's derivatives


@torch.no_grad()
def posterior_mode(
    network: AVAENetwork,
    latents: Tensor,
    traces: Tensor,
    valid: Tensor,
    *,
    noise: float,
    beta: float,
    steps: int,
) -> Tensor:
    """Move the encoder's latents to the mode of the posterior.

    Gauss-Newton steps on ``‖x − x̂(z)‖² / (2 v) + β ‖z‖² / 2``. For an encoder that was trained on few
    neurons, the distance to the mode is the larger part of the error on other neurons (the amortisation gap, Cremer et
    al. 2018); one step removes most of it. A neuron keeps its latents if the step does not lower the sum.

    Parameters
    ----------
    network : AVAENetwork
        Its decoder.
    latents : Tensor (n, D2)
        The encoder's latents.
    traces, valid : Tensor (n, T)
        Normalised traces, and where there is a sample.
    noise : float
        v, variance of the noise in normalised units.
    beta : float
        Weight of the prior.
    steps : int
        Number of steps; 0 leaves the latents as they are.

    Returns
    -------
    Tensor (n, D2)
        Latents.
    """
    samples, size = traces.shape[1], latents.shape[1]
    eye = torch.eye(size, device=latents.device)

    def residual(at: Tensor) -> Tensor:
        return torch.where(valid, traces - network.decode(at, samples), 0)

    def cost(at: Tensor, left: Tensor) -> Tensor:
        return left.square().sum(dim=1) / noise + beta * at.square().sum(dim=1)

    left = residual(latents)
    for _ in range(steps):
        columns = [
            residual(latents - _DIFFERENCE * axis) - residual(latents + _DIFFERENCE * axis) for axis in eye
        ]
        jacobian = torch.stack(columns, dim=2) / (2 * _DIFFERENCE)  # (n, T, D2)
        normal = jacobian.mT @ jacobian / noise + max(beta, 1e-6) * eye
        slope = (jacobian.mT @ left.unsqueeze(2)).squeeze(2) / noise - beta * latents
        moved = latents + torch.linalg.solve(normal, slope)
        left_then = residual(moved)
        better = (cost(moved, left_then) < cost(latents, left)).unsqueeze(1)
        latents, left = torch.where(better, moved, latents), torch.where(better, left_then, left)
    return latents
