"""The encoder of kinds: one neuron's trace in, a few numbers that say what kind of neuron it is out."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_calcdyn.models import checkpoint
from napari_calcdyn.models.devices import resolve_device
from napari_calcdyn.models.keeping import Keeper
from napari_calcdyn.models.model import Model
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Cancelled, InputError, ProgressCallback, Traces

from .config import KindConfig
from .repeatable import repeatable_directions
from .statistics import STATISTICS, standard_traces, trace_statistics

_FEWEST_NEURONS = 10
WINDOWS = 2
"""Parts of a recording that are compared: halves."""
_LEAST_SPREAD = 0.05  # a statistic that hardly varies here may vary in a recording to come


class KindEncoder(Model[KindConfig, Sequence[Traces]]):
    """What kind of neuron a trace is of, for neurons of several recordings.

    ``KindEncoder().fit([first, second])``; the settings are those of `KindConfig`. Each trace is described by
    `trace_statistics`, which do not know when the neuron was active. The latents are those combinations of them that
    are alike in both halves of a neuron's recording and differ between neurons.

    Attributes
    ----------
    config : KindConfig
        Settings.
    network : torch.nn.Linear
        Latents from statistics.
    metrics : dict
        ``repeatability`` (correlation of the latents of both halves, mean over latents), and how the model was made.
    """

    kind = checkpoint.KINDS
    _config_class = KindConfig

    network: nn.Linear
    _has_rate = False  # whether the recordings that it was fitted to had frame rates

    def check(self, data: Sequence[Traces]) -> None:
        """Raise InputError for what is no list of recordings, or if some have a frame rate and others none.

        Parameters
        ----------
        data : sequence of Traces
            The recordings.

        Raises
        ------
        InputError
            If there is none, or frame rates are missing.
        """
        if isinstance(data, Traces):
            raise InputError(
                f"{data.name} is one recording: give a list of recordings, even if there is one."
            )
        if not data:
            raise InputError("There is no recording: give at least one.")
        unknown = [traces.name for traces in data if traces.frame_rate is None]
        if 0 < len(unknown) < len(data):
            raise InputError(
                f"{unknown[0]} has no frame rate and others have: say how many samples a second has."
            )

    def encode(self, traces: Traces, *, progress: ProgressCallback | None = None) -> NDArray[np.float32]:
        """Return the latents of each neuron.

        Parameters
        ----------
        traces : Traces
            A recording of any length and frame rate.
        progress : callable or None
            Called with steps done and in all; returns True to stop.

        Returns
        -------
        ndarray (N, D2), float32
            NaN for traces that cannot be used.

        Raises
        ------
        InputError
            If the recording is too short, or has no frame rate and those that the model was fitted to have.
        Cancelled
            If `progress` asked to stop.
        """
        if self._has_rate and traces.frame_rate is None:
            raise InputError(
                f"{traces.name} has no frame rate, and the recordings of the model have: say how many samples a second"
                " has."
            )
        standard = standard_traces(traces, self.config.scaling, progress=progress)
        (statistics,) = trace_statistics(standard, traces.frame_rate)
        return self._latents(statistics)

    @torch.no_grad()
    def _latents(self, statistics: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.network(torch.from_numpy(statistics).to(self.device)).cpu().numpy()
        return found

    def _fit(
        self,
        data: Sequence[Traces],
        device: str,
        seed: int,
        stop: threading.Event | None,
        keeper: Keeper | None,
    ) -> Generator[Progress, None, None]:
        start = time.monotonic()
        where = resolve_device(device)
        self.check(data)
        found = []
        for at, traces in enumerate(data):
            yield Progress("Describing the traces", at, len(data))
            if stop is not None and stop.is_set():
                raise Cancelled("The computation was cancelled.")
            standard = standard_traces(traces, self.config.scaling)
            found.append(trace_statistics(standard, traces.frame_rate, windows=WINDOWS))
        windows = np.concatenate(found, axis=1).swapaxes(0, 1)  # neurons × windows × statistics
        windows = windows[np.isfinite(windows).all(axis=(1, 2))]
        if len(windows) < _FEWEST_NEURONS:
            raise InputError(
                f"The recordings have {len(windows)} traces that can be used, and at least {_FEWEST_NEURONS} neurons"
                " are needed: add ROIs, or check the traces."
            )
        yield Progress("Fitting", len(data), len(data))
        network = latent_layer(windows.astype(np.float64), self.config.latent)
        self.network = network.to(where)
        self._has_rate = data[0].frame_rate is not None
        first, second = (self._latents(windows[:, at].astype(np.float32)) for at in range(WINDOWS))
        self.metrics = {
            "latent": self.config.latent,
            "neurons": len(windows),
            "repeatability": float(
                np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(first.T, second.T, strict=True)])
            ),
            "fit_seconds": time.monotonic() - start,
            "seed": seed,
        }

    def _parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return {}, {"has_rate": self._has_rate}

    def _restore(self, saved: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        self.network = nn.Linear(STATISTICS, self.config.latent)
        self._has_rate = bool(saved.get("has_rate"))


def latent_layer(windows: NDArray[np.float64], latent: int) -> nn.Linear:
    """Return the layer from statistics to latents that centres, scales and projects them.

    Parameters
    ----------
    windows : ndarray (N, WINDOWS, STATISTICS)
        Statistics of parts of the recordings of N neurons.
    latent : int
        Number of latents.

    Returns
    -------
    torch.nn.Linear
        Fitted; it needs no gradient.
    """
    mean = windows.mean(axis=(0, 1))
    spread = np.maximum(windows.std(axis=(0, 1)), _LEAST_SPREAD)
    weight = repeatable_directions((windows - mean) / spread, latent).T / spread
    network = nn.Linear(len(mean), latent)
    with torch.no_grad():
        network.weight.zero_()[: len(weight)] = torch.from_numpy(weight)
        network.bias.zero_()[: len(weight)] = torch.from_numpy(-weight @ mean)
    return network.requires_grad_(False)
