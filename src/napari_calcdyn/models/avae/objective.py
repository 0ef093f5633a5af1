"""Objective of the AVAE: reconstruction error and Kullback-Leibler divergence."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .config import AVAEConfig
from .likeness import likeness_loss, nearest_in_shape
from .networks import AVAENetwork

_ACTIVE = 0.01  # variance over neurons from which a latent counts as active (Burda et al. 2016)


class AVAEObjective:
    """``‖x − x̂‖² / (2 v) + β·KL`` per neuron, Eq. 10 to 12, with v the variance of the noise.

    In the paper's units, ``2 v`` is 1. Two terms are not in the paper, and are off in its preset: one keeps neurons
    with similar traces together (`likeness_loss`), the other a neuron and its shifted trace (`pull`).

    Parameters
    ----------
    network : AVAENetwork
        To be trained.
    traces, valid : Tensor (N, T)
        Normalised traces, and where there is a sample.
    training, validation : Tensor of int64
        Which neurons are trained on, and which decide when to stop.
    noise : float
        v, in normalised units.
    config : AVAEConfig
        Settings.
    seed : int
        Of batches, posterior samples and shifts.
    """

    def __init__(
        self,
        network: AVAENetwork,
        traces: Tensor,
        valid: Tensor,
        training: Tensor,
        validation: Tensor,
        noise: float,
        config: AVAEConfig,
        seed: int,
    ) -> None:
        self.module: nn.Module = network
        self._network, self._config = network, config
        self._weight = 1 / (2 * noise)
        device = next(network.parameters()).device
        self._traces, self._valid = traces.to(device), valid.to(device)
        self._validation = validation.to(device)
        # Drawn on the CPU, so that a seed means the same on every device.
        self._draw = torch.Generator().manual_seed(seed)
        self._training = training
        self._alike: Tensor | None = None
        if config.likeness:
            alike = nearest_in_shape(traces[training].to(device)).cpu()
            self._alike = torch.empty(len(traces), alike.shape[1], dtype=torch.int64)
            self._alike[training] = training[alike]
        self.steps_per_epoch = -(-len(training) // config.batch)
        self._batches: list[Tensor] = []

    def stage(self, step: int, total: int) -> str:
        """Return the name of the stage of a step, for display."""
        return f"Training, epoch {step // self.steps_per_epoch + 1}"

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and its parts."""
        if not self._batches:
            order = torch.randperm(len(self._training), generator=self._draw)
            self._batches = list(torch.split(self._training[order], self._config.batch))
        batch = self._batches.pop()
        traces, valid = self._traces[batch], self._valid[batch]
        mean, log_variance = self._network.encode(traces, valid)
        noise = torch.randn(mean.shape, generator=self._draw).to(mean.device)
        reconstruction = self._error(mean + noise * (0.5 * log_variance).exp(), traces, valid).mean()
        divergence = kl_divergence(mean, log_variance).mean()
        ramp = min(1.0, (step + 1) / (self._config.warm_up * total)) if self._config.warm_up else 1.0
        loss = reconstruction + self._config.beta * ramp * divergence
        if len(batch) > 1:
            # In units of the error, so that they weigh the same whatever the noise and the length of the traces.
            unit = reconstruction.detach()
            if self._alike is not None:
                loss = loss + self._config.likeness * unit * self._likeness(batch, mean)
            if self._config.pull:
                loss = loss + self._config.pull * unit * self._shift_distance(mean, traces, valid)
        parts = {
            "reconstruction": reconstruction.detach(),
            "kl": divergence.detach(),
            "active_units": active_units(mean.detach()),
        }
        return loss, parts

    @torch.no_grad()
    def validate(self, step: int, total: int) -> tuple[float | None, dict[str, float]]:
        """Return the validation loss at the posterior's mean, and its parts; None while β still grows."""
        traces, valid = self._traces[self._validation], self._valid[self._validation]
        mean, log_variance = self._network.encode(traces, valid)
        reconstruction = float(self._error(mean, traces, valid).mean())
        divergence = float(kl_divergence(mean, log_variance).mean())
        parts = {"held_out_reconstruction": reconstruction, "held_out_kl": divergence}
        comparable = step + 1 >= self._config.warm_up * total
        return (reconstruction + self._config.beta * divergence if comparable else None), parts

    def checked(self, step: int, total: int, losses: Mapping[str, float]) -> None:
        """Take the parts that `validate` returned, of which nothing depends."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state of the random numbers, and the neurons that are left of the epoch."""
        left = torch.cat(self._batches) if self._batches else torch.empty(0, dtype=torch.int64)
        return {"draw": self._draw.get_state(), "left": left}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state_dict` returned."""
        self._draw.set_state(state["draw"])
        # The one batch that may be shorter is the first of an epoch, so all that are left are whole.
        left = state["left"]
        self._batches = list(torch.split(left, self._config.batch)) if len(left) else []

    def _error(self, latents: Tensor, traces: Tensor, valid: Tensor) -> Tensor:
        """Return each neuron's squared error (n,), missing samples counted as the mean of the others."""
        residual = torch.where(valid, traces - self._network.decode(latents, traces.shape[1]), 0)
        share = valid.sum(dim=1).clamp(min=1) / traces.shape[1]
        return self._weight * residual.square().sum(dim=1) / share

    def _likeness(self, batch: Tensor, mean: Tensor) -> Tensor:
        """Return the likeness loss of a batch, each neuron with one of the neurons most similar to it."""
        assert self._alike is not None
        choice = torch.randint(self._alike.shape[1], batch.shape, generator=self._draw)
        partners = self._alike[batch, choice]
        partner_mean, _ = self._network.encode(self._traces[partners], self._valid[partners])
        return likeness_loss(mean, partner_mean)

    def _shift_distance(self, mean: Tensor, traces: Tensor, valid: Tensor) -> Tensor:
        """Return how far neurons move when they are shifted in time, relative to how far they lie apart.

        Samples that the shift leaves empty count as missing.
        """
        most = max(1, int(self._config.largest_shift * traces.shape[1]))
        shift = int(torch.randint(-most, most + 1, (), generator=self._draw))
        shifted, seen = traces.roll(shift, dims=1), valid.roll(shift, dims=1).clone()
        wrapped = slice(None, shift) if shift > 0 else slice(traces.shape[1] + shift, None)
        seen[:, wrapped] = False
        moved, _ = self._network.encode(torch.where(seen, shifted, 0), seen)
        apart = mean.var(dim=0).sum().clamp(min=torch.finfo(mean.dtype).tiny)
        return (moved - mean).square().sum(dim=1).mean() / apart


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence of each posterior from the prior N(0, I), Eq. 12.

    Parameters
    ----------
    mean, log_variance : Tensor (n, D2)
        Of the posteriors.

    Returns
    -------
    Tensor (n,)
        In nats.
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)


def active_units(mean: Tensor) -> Tensor:
    """Return how many latents differ between neurons.

    Parameters
    ----------
    mean : Tensor (n, D2)
        Posterior means.

    Returns
    -------
    Tensor
        Their number; the other latents have collapsed to the prior.
    """
    return (mean.var(dim=0, unbiased=False) > _ACTIVE).sum()
