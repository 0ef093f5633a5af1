"""Objective of the ℓ1-VAR autoencoder: reconstruction first, then reconstruction and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from napari_calcdyn.models import processes
from napari_calcdyn.models.checkpoint import with_prefix, with_prefix_added
from napari_calcdyn.models.var import Neighbourhoods, penalty_weights
from napari_calcdyn.models.var.moments import with_past
from napari_calcdyn.recording import InputError

from .autoencoder import Autoencoder
from .budget import GammaPath, Point
from .config import VARAutoencoderConfig
from .pieces import encode_pieces
from .prediction import Estimate, detached, draw_windows, estimate_var, spread, total_variance
from .split import Split
from .tiled_frames import TiledFrames

_RAMP = 0.2
_PATH = "path."
_MEMORY_PER_PREDICTOR = 10
MOST_FRAMES_IN_CHECK = 256
"""Most frames of each part of a validation: before the border between training and validation, and after it; shared by
recordings that were joined."""
_MOST_PIXELS = 128 * 2**20
_MOST_DECODED_PIXELS = 32 * 2**20  # whose feature maps are kept for the gradient


def configured_weights(
    network: Autoencoder, config: VARAutoencoderConfig, neighbourhoods: Neighbourhoods | None = None
) -> Tensor:
    """Return the penalty weights of the settings, (p·d, d), or (p·K, d) of neighbours only."""
    return penalty_weights(
        network.centres,
        network.stride,
        config.order,
        distance_penalty=config.distance_penalty,
        penalise_own_past=config.penalise_own_past,
        neighbourhoods=neighbourhoods,
    )


def most_stretches(config: VARAutoencoderConfig, length: int, pixels: float) -> int:
    """Return how many stretches of `length` frames of so many pixels a step takes: those wanted, or what fits."""
    most = _MOST_PIXELS if config.network == "footprints" else _MOST_DECODED_PIXELS
    return min(config.windows, max(2, int(most // (pixels * length))))


class Objective:
    """Loss of the ℓ1-VAR autoencoder: reconstruction first, then reconstruction and prediction."""

    def __init__(
        self,
        network: Autoencoder,
        frames: TiledFrames,
        split: Split,
        config: VARAutoencoderConfig,
        seed: int,
        noise: Tensor,
    ) -> None:
        self.module: nn.Module = network
        self._network, self._frames, self._split, self._config = network, frames, split, config
        self._pixels = frames.pixels
        self._length = min(config.window_length, split.training // 4)
        if self._length < config.order + 2:
            raise InputError(
                f"Stretches of {self._length} frames are too short for order {config.order}: make them longer."
            )
        windows = most_stretches(config, self._length, self._pixels)
        # All batches are drawn before training, so that they are the same on every device and need no copy at a step.
        draw = torch.Generator().manual_seed(seed)
        valid = frames.valid(0, split.training)
        usable = None
        if valid is not None:
            usable = torch.zeros(split.training, dtype=torch.bool)
            usable[config.order :] = with_past(valid.cpu()[None], config.order)[0]
        drawn = [
            draw_windows(split.training, self._length, windows, draw, usable)
            for _ in range(config.training_steps)
        ]
        fewest = min(map(len, drawn))
        if fewest < 2:
            raise InputError(
                f"Bad frames leave hardly any stretch of {self._length} frames to train on: choose shorter stretches,"
                " or a better recording."
            )
        self._starts: list[list[int]] = [it[:fewest].tolist() for it in drawn]
        self._owners = [processes.owners(it, split.training) for it in self._starts]
        self._near = Neighbourhoods.if_many(network.centres, network.stride)
        weights = configured_weights(network, config, self._near)
        self._weights = weights.float().to(network.places.device)
        self._span = min(split.training, _MEMORY_PER_PREDICTOR * len(self._weights))
        self._memory: Estimate | None = None
        self._noise = noise
        self.path: GammaPath | None = None
        if config.has_budget:
            self.path = GammaPath(network, config.gamma_budget, config.training_steps)

    def stage(self, step: int, total: int) -> str:
        """Return the name of the stage of a step, for display."""
        if self._gamma(step, total) == 0:
            return "Training the reconstruction"
        trying = self.path is not None and not self.path.settles(step)
        return "Trying values of γ" if trying else "Training the dynamics"

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and its parts to report."""
        if self.path is not None:
            self.path.begin(step)
        valid = self._frames.valid_stretches(self._starts[step], self._length)
        within = self._network.within(self._frames.used)
        # Even windows estimate and odd ones score, or the encoder would help the estimate to overfit.
        reconstruction, fitted, scored = self._reconstruct(step, valid, within)
        whole = processes.summed(reconstruction)
        parts = {"reconstruction": whole}
        weight = self._gamma(step, total)
        if weight == 0:
            return reconstruction, parts
        to_fit, to_score = (None, None) if valid is None else (valid[0::2], valid[1::2])
        estimate = estimate_var(
            fitted,
            self._config.order,
            self._weights,
            valid=to_fit,
            memory=self._memory,
            span=self._span,
            neighbourhoods=self._near,
        )
        self._memory = detached(estimate)
        residual = estimate.residual(scored, to_score)
        parts["prediction"] = residual.detach().sum() / total_variance(scored, to_score)
        penalty = self._penalty(estimate, residual, within, scored, to_score, whole)
        return reconstruction + weight * penalty, parts

    @torch.no_grad()
    def validate(self, step: int, total: int) -> tuple[float | None, dict[str, float]]:
        """Return the validation loss, None while the prediction does not count in full, and its parts."""
        before, after = self._split.around_borders(MOST_FRAMES_IN_CHECK)
        within = self._network.within(self._frames.used)
        encoded = partial(encode_pieces, self._network, self._frames, within, self._config.order)
        known, seen, _ = encoded(before)
        latents, chosen, squares = encoded(after, measured=True)
        count = latents.shape[1] if chosen is None else int(chosen.sum())
        reconstruction = squares / (self._pixels * count)
        estimate = estimate_var(
            known, self._config.order, self._weights, valid=seen, neighbourhoods=self._near
        )
        residual = estimate.residual(latents, chosen)
        losses = {
            "held_out_reconstruction": reconstruction,
            "held_out_prediction": float(residual.sum() / total_variance(latents, chosen)),
        }
        if self._config.mode == "two-stage":
            return losses["held_out_reconstruction"], losses
        gamma = self._gamma(step, total)
        if not self._in_full(step, total):
            return None, losses
        penalty = self._penalty(estimate, residual, within, latents, chosen, reconstruction)
        loss = float(reconstruction + gamma * penalty)
        if self.path is not None:
            loss = self.path.judged(loss, Point(gamma, reconstruction, losses["held_out_prediction"]))
        return loss, losses

    def checked(self, step: int, total: int, losses: Mapping[str, float]) -> None:
        """Take the errors that `validate` returned as a point of the path of γ, in every process that trains."""
        if self.path is not None and not self.path.settles(step):
            self.path.record(
                step,
                Point(
                    self._gamma(step, total),
                    losses["held_out_reconstruction"],
                    losses["held_out_prediction"],
                ),
            )

    def state_dict(self) -> dict[str, Tensor]:
        """Return the moments of earlier batches, where the prediction counts, and the path of γ, where there is one."""
        state = {} if self._memory is None else self._memory.state_dict()
        return state if self.path is None else state | with_prefix_added(self.path.state_dict(), _PATH)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state_dict` returned."""
        device = self._frames.device
        if self.path is not None:
            self.path.load_state_dict(with_prefix(state, _PATH))
        state = {name: value for name, value in state.items() if not name.startswith(_PATH)}
        # numbers alone are of double precision, which not every device has
        here = {name: value.to(device) if value.ndim else value for name, value in state.items()}
        self._memory = Estimate.of_state(here, self._near) if here else None

    def _penalty(
        self,
        estimate: Estimate,
        residual: Tensor,
        within: Tensor,
        latents: Tensor,
        valid: Tensor | None,
        reconstruction: Tensor | float,
    ) -> Tensor:
        """Return the prediction error for each pixel, every latent weighted by its share that is not shot noise.

        No predictor can know the shot noise of the next frame. Without the weight, a weak but predictable cell would be
        left out because of the noise in its latent.

        Where the unit of latents is arbitrary, they count as having the variance that they explain in the picture, or
        the network would make them small. That variance has no gradient: for an activity that cannot be predicted, it
        would pay to explain nothing.
        """
        share = estimate.signal_share(self._network.noise_variance(self._noise, within.detach()))
        error = (share * residual).sum()
        if self._network.keeps_variance:
            return error / self._pixels
        explained = max(0.0, 1 - float(torch.as_tensor(reconstruction).detach()))
        return explained * error / spread(latents, valid)

    def _reconstruct(self, step: int, valid: Tensor | None, within: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean squared error of a step, and the latents (W/2, L, d) of even stretches and of odd ones.

        Where there are several processes, each returns its own part of the mean, and the latents of all.
        """
        owner = self._owners[step]
        squares, latents = self._encode(step, within)
        if valid is not None:
            mine = torch.tensor([whose == processes.rank() for whose in owner], device=valid.device)
            squares = squares[valid[mine].flatten()]
        frames = len(owner) * self._length if valid is None else int(valid.sum())
        # divided as they lie in memory, each latent's frames together, so that gradients need no other order
        windows = latents.T.view(latents.shape[1], len(latents) // self._length, self._length)
        if processes.count() > 1:
            windows = processes.gathered(windows.transpose(0, 1), owner).transpose(0, 1)
        even, odd = (windows[:, first::2].permute(1, 2, 0) for first in (0, 1))
        return squares.sum() / frames / self._pixels, even, odd

    def _encode(self, step: int, within: Tensor) -> tuple[Tensor, Tensor]:
        """Return squared errors (n·L,) and latents (n·L, d) of the stretches of a step that are this process's."""
        starts = self._own(step)
        if not starts:
            return within.new_zeros(0), within.new_zeros(0, self._network.latents)
        tiles = self._frames.stretches(starts, self._length)
        if coming := self._own(step + 1):
            self._frames.read_ahead(coming, self._length)
        squares = self._frames.squares(starts, self._length)
        latents = self._network.encode_tiles(tiles, within)
        return self._network.squared_error(tiles, latents, within, squares=squares), latents

    def _own(self, step: int) -> list[int]:
        """Return where the stretches of a step begin that this process encodes; none after the last step."""
        if step == len(self._starts):
            return []
        pairs = zip(self._starts[step], self._owners[step], strict=True)
        return [start for start, whose in pairs if whose == processes.rank()]

    def _gamma(self, step: int, total: int) -> float:
        """Return the weight of the prediction."""
        if self._config.mode == "two-stage":
            return 0.0
        if self.path is not None:
            return self.path.gamma(step)
        return self._config.prediction_weight * self._ramp(step, total)

    def _in_full(self, step: int, total: int) -> bool:
        """Whether γ will not change any more."""
        return self._ramp(step, total) == 1 if self.path is None else self.path.settles(step)

    def _ramp(self, step: int, total: int) -> float:
        """Return the share of the prediction weight: 0 in the warm-up, then rising to 1."""
        warm_up = self._config.warm_up
        return min(1.0, max(0.0, (step / total - warm_up) / min(_RAMP, (1 - warm_up) / 2)))
