"""What the choices in the network and in its training are worth, on real recordings.

Recordings are looked for in the folder that CALCDYN_TEST_DATA names: mouse/mouse_2p.tif and fissa/AVG_A01.tif.
Every variant is trained two-stage and end-to-end with the preset "standard", and differs from the program in one
thing:

- one shape: a plain convolution, the same footprint at every place but for its size;
- 256 shapes: nearly a footprint of its own for every place;
- own encoder: encoder and decoder have weights of their own, footprints have unit norm. This is the usual
  autoencoder; its prediction error between latents has to be read beside the one in the picture;
- own encoder, relative error: as before, and trained on the prediction error divided by the variance of the latents,
  as the definition of the reported error suggests;
- no distance penalty: near and far connections are penalised alike.

Rows are in results/network.jsonl; a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import Any

import torch
from comparison import open_recording, recordings
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all
from torch import Tensor, nn

from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig, fitting, networks
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.objective import Objective
from napari_calcdyn.models.var_autoencoder.prediction import detached, estimate_var, total_variance
from napari_calcdyn.models.var_autoencoder.tiles import Tiles

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "one shape": {"kernels": 1},
    "256 shapes": {"kernels": 256},
    "own encoder": {},
    "own encoder, relative error": {},
    "no distance penalty": {"distance_penalty": 0.0},
}
NUMBERS = (
    "latent_prediction_error",
    "picture_prediction_error",
    "reconstruction_error",
    "latent_snr",
    "nonzeros",
)


class OwnEncoder(PatchAutoencoder):
    """The network with an encoder of its own; footprints of unit norm, so that the scale of latents is fixed."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.encoder_shapes = nn.Parameter(self.shapes.detach().clone())
        self.encoder_mixture = nn.Parameter(self.mixture.detach().clone())
        self._encoding = False

    @property
    def corners(self) -> Tensor:
        if self._encoding:
            return self.corners_of(self.encoder_mixture, self.encoder_shapes)
        return self.corners_of(self.mixture / self.footprints.norm(dim=1, keepdim=True), self.shapes)

    def orient(self) -> None:
        """Leave signs as they are: there are two sets of weights to turn."""

    @torch.no_grad()
    def begin_with(self, footprints: Tensor) -> None:
        super().begin_with(footprints)
        self.encoder_mixture.copy_(self.mixture)
        self.encoder_shapes.copy_(self.shapes)

    def encode_tiles(self, tiles: Tiles, within: Tensor | None = None) -> Tensor:
        self._encoding = True
        try:
            return super().encode_tiles(tiles)  # with footprints of its own
        finally:
            self._encoding = False

    def squared_error(
        self, tiles: Tiles, latents: Tensor, within: Tensor, *, squares: Tensor | None = None
    ) -> Tensor:
        return (self.decode(latents) - self.join(tiles.dense())).square().sum((1, 2))


class RelativeObjective(Objective):
    """The objective with the prediction error as a share of the latents' variance."""

    def loss(self, step: int, total: int) -> tuple[Tensor, dict[str, Tensor]]:
        reconstruction, fitted, scored = self._reconstruct(
            step, None, self._network.within(self._frames.used)
        )
        weight = self._config.prediction_weight * self._ramp(step, total)
        if weight == 0:
            return reconstruction, {}
        order = self._config.order
        estimate = estimate_var(fitted, order, self._weights, memory=self._memory, span=self._span)
        self._memory = detached(estimate)
        share = estimate.residual(scored).sum() / total_variance(scored)
        return reconstruction + weight * share, {}


def measure(task: Row) -> Row:
    """Fit one variant on one recording; return its metrics."""
    variant = str(task["variant"])
    networks.PatchAutoencoder = OwnEncoder if variant.startswith("own") else PatchAutoencoder  # type: ignore[misc]
    fitting.Objective = RelativeObjective if variant.endswith("relative error") else Objective  # type: ignore[misc]
    config = VARAutoencoderConfig.preset("standard", mode=task["mode"], **VARIANTS[variant])
    movie = open_recording(str(task["recording"]))
    run = VARAutoencoder(config).fit_steps(movie, device="cpu", seed=int(str(task["seed"])))
    while True:
        try:
            next(run)
        except StopIteration as end:
            return {name: end.value.metrics[name] for name in NUMBERS}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the simulated recording, one seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="processes; they share the cores")
    options = parser.parse_args()
    names = ["simulated"] if options.quick else list(recordings())[:2]
    seeds = range(1 if options.quick else options.seeds)
    modes = ("two-stage", "end-to-end")
    tasks: list[Row] = [
        {"recording": name, "variant": variant, "mode": mode, "seed": seed}
        for name, variant, mode, seed in product(names, VARIANTS, modes, seeds)
    ]
    file = RESULTS / f"network{'_quick' if options.quick else ''}.jsonl"
    rows = measure_all(file, tasks, measure, code=fingerprint("models"), jobs=options.jobs)
    table: list[Row] = []
    for name, variant, mode in product(names, VARIANTS, modes):
        wanted = {"recording": name, "variant": variant, "mode": mode}
        chosen = [row for row in rows if wanted.items() <= row.items()]
        line: Row = {"recording": name, "network": variant, "training": mode}
        table.append(line | {key.replace("_", " "): mean_sd(row[key] for row in chosen) for key in NUMBERS})
    command = "python benchmarks/network.py" + (" --quick" if options.quick else f" --seeds {len(seeds)}")
    save(file.stem, table, command=command, notes=f"On held-out frames, mean ± sd over {len(seeds)} seeds.")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
