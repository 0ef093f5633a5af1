"""The AVAE: one neuron's trace in, a few numbers that describe it out, and back."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_calcdyn.models import checkpoint
from napari_calcdyn.models.keeping import Keeper
from napari_calcdyn.models.model import Model
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import InputError, Scaling, Traces

from .config import AVAEConfig
from .data import Normalisation
from .fitting import fit_parts
from .mode import posterior_mode
from .networks import AVAENetwork, build_network
from .objective import active_units, kl_divergence

_BATCH_BYTES = 64 * 2**20


class AVAE(Model[AVAEConfig, Traces]):
    """The autoregressive variational autoencoder of single-neuron traces of Abante et al. (2025).

    ``AVAE(preset="quick", latent=8).fit(traces)``; the settings are those of `AVAEConfig`. One neuron is one sample.

    A part of the neurons, `config.validation`, is never trained on: it decides when to stop, and the errors in
    `metrics` are measured on it. Traces with a problem are left out.

    Attributes
    ----------
    config : AVAEConfig
        Settings.
    network : AVAENetwork
        Encoder and decoder.
    normalisation : Normalisation
        Conversion of traces to the input of the network.
    noise : float
        v, the variance of the noise in normalised units, which is the unit of the error.
    ids : ndarray (N,), int64
        ROIs of the traces that it was fitted to, held-out ones included.
    samples : int
        T: length of those traces.
    frame_rate : float or None
        Their samples per second.
    metrics : dict
        Errors on the held-out neurons, and how the model was made.
    """

    kind = checkpoint.AVAE
    _config_class = AVAEConfig

    network: AVAENetwork
    normalisation: Normalisation
    noise: float
    ids: NDArray[np.int64]
    samples: int
    frame_rate: float | None

    def _fit(
        self, data: Traces, device: str, seed: int, stop: threading.Event | None, keeper: Keeper | None
    ) -> Generator[Progress, None, None]:
        parts, held_out = yield from fit_parts(data, self.config, device, seed, stop, keeper)
        vars(self).update(parts)
        self.metrics |= self.measure(held_out)

    def measure(self, traces: Traces) -> dict[str, float]:
        """Measure the model on traces; those that cannot be used are left out.

        Parameters
        ----------
        traces : Traces
            Of the length that the model was trained on.

        Returns
        -------
        dict of str to float
            ``reconstruction_error`` (mean squared, in the traces' unit squared), ``kl`` (mean Kullback-Leibler
            divergence from the prior, nats per neuron) and ``active_units`` (latents in use).

        Raises
        ------
        InputError
            If the traces have another length.
        """
        usable = traces.select(traces.usable)
        mean, std = (torch.from_numpy(values) for values in self.encode(usable))
        residual = self.reconstruct(usable) - usable.values
        return {
            "reconstruction_error": float(np.nanmean(np.square(residual, dtype=np.float64))),
            "kl": float(kl_divergence(mean, 2 * std.log()).mean()),
            "active_units": int(active_units(mean)),
        }

    def check(self, data: Traces) -> None:
        """Raise InputError for traces of another length, unless the network takes any.

        Parameters
        ----------
        data : Traces
            A recording.

        Raises
        ------
        InputError
            If the lengths differ.
        """
        if data.samples != self.samples and self.config.architecture != "sequence":
            raise InputError(
                f"The model was trained on traces of {self.samples:,} samples and {data.name} has"
                f" {data.samples:,}: train a model on them, or train the network “sequence”, which takes any length."
            )

    @torch.no_grad()
    def encode(self, traces: Traces) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mean and standard deviation of the latents of each neuron.

        Parameters
        ----------
        traces : Traces
            Of the length that the model was trained on.

        Returns
        -------
        mean, std : ndarray (N, D2), float32
            μ and σ of the posterior of each neuron's latent; NaN for traces that cannot be used.

        Raises
        ------
        InputError
            If the traces have another length.
        """
        mean = np.full((len(traces), self.config.latent), np.nan, np.float32)
        std = mean.copy()
        for rows, values, valid in self._batches(traces):
            posterior_mean, log_variance = self.network.encode(values, valid)
            mean[rows] = posterior_mean.cpu().numpy()
            std[rows] = (0.5 * log_variance).exp().cpu().numpy()
        return mean, std

    @torch.no_grad()
    def decode(self, latents: ArrayLike, samples: int | None = None) -> NDArray[np.float32]:
        """Turn latents into traces.

        Parameters
        ----------
        latents : array_like (n, D2)
            Latents.
        samples : int, optional
            Length of the traces for the network "sequence"; as in training by default.

        Returns
        -------
        ndarray (n, T), float32
            In the unit of the training traces; where each trace is scaled by its own range, in the median range.
        """
        latents = torch.as_tensor(np.asarray(latents, np.float32), device=self.device)
        return self.normalisation.invert(self.network.decode(latents, samples or self.samples))

    @torch.no_grad()
    def reconstruct(self, traces: Traces) -> NDArray[np.float32]:
        """Redraw traces from their latents: decode the mean of each posterior, refined as the settings say.

        Parameters
        ----------
        traces : Traces
            Of the length that the model was trained on.

        Returns
        -------
        ndarray (N, T), float32
            In the traces' unit, missing samples filled in; NaN for traces that cannot be used.

        Raises
        ------
        InputError
            If the traces have another length.
        """
        redrawn = np.full(traces.values.shape, np.nan, np.float32)
        scaling = self.normalisation.range_of(traces)
        for rows, values, valid in self._batches(traces):
            mean, _ = self.network.encode(values, valid)
            mean = posterior_mode(
                self.network,
                mean,
                values,
                valid,
                noise=self.noise,
                beta=self.config.beta,
                steps=self.config.refinement,
            )
            own = scaling if scaling.low.ndim == 0 else Scaling(scaling.low[rows], scaling.span[rows])
            redrawn[rows] = self.normalisation.invert(self.network.decode(mean, traces.samples), own)
        return redrawn

    def sample(self, n: int, *, seed: int = 0) -> NDArray[np.float32]:
        """Draw latents from the prior N(0, I) and decode them to traces.

        Parameters
        ----------
        n : int
            Number of traces.
        seed : int
            The same seed gives the same traces.

        Returns
        -------
        ndarray (n, T), float32
            Traces without noise.
        """
        return self.decode(np.random.default_rng(seed).standard_normal((n, self.config.latent)))

    def interpolate(self, first: ArrayLike, second: ArrayLike, steps: int = 9) -> NDArray[np.float32]:
        """Decode latents on a straight line from one neuron to another.

        Parameters
        ----------
        first, second : array_like (D2,)
            Latents of the two.
        steps : int
            Number of traces, the two ends included.

        Returns
        -------
        ndarray (steps, T), float32
            Decoded traces.
        """
        return self.decode(np.linspace(np.asarray(first), np.asarray(second), steps))

    def _parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        normalisation = self.normalisation
        sizes = {
            "neurons": len(self.ids),
            "samples": self.samples,
            "frame_rate": self.frame_rate,
            "low": float(normalisation.scaling.low),
            "span": float(normalisation.scaling.span),
            "scale": normalisation.scale,
            "noise": self.noise,
        }
        return {"offset": torch.from_numpy(normalisation.offset), "ids": torch.from_numpy(self.ids)}, sizes

    def _restore(self, saved: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        config, samples, rate = self.config, int(saved["samples"]), saved["frame_rate"]
        self.network = build_network(
            config.architecture, samples, config.hidden, config.latent, min(config.patch, samples)
        )
        offset, self.ids = tensors["offset"].numpy(), tensors["ids"].numpy()
        if offset.shape not in ((1,), (samples,)) or self.ids.shape != (saved["neurons"],):
            raise ValueError("sizes disagree")
        range_ = Scaling(np.asarray(float(saved["low"])), np.asarray(float(saved["span"])))
        self.normalisation = Normalisation(config.scaling, range_, offset, float(saved["scale"]))
        self.noise, self.samples = float(saved["noise"]), samples
        self.frame_rate = None if rate is None else float(rate)

    def _batches(self, traces: Traces) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
        """Yield which rows, their normalised traces, and where they have samples; only usable traces."""
        self.check(traces)
        rows = np.flatnonzero(traces.usable)
        # Refinement holds a derivative of the trace for each latent, several times over.
        wide = 4 * self.config.latent + 1 if self.config.refinement else 1
        step = max(1, _BATCH_BYTES // (4 * traces.samples * wide))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            values, valid = self.normalisation.apply(traces.select(some))
            yield some, values.to(self.device), valid.to(self.device)
