"""Both networks, trained end-to-end and in two stages, with the mean-frame skip and without.

On the real recordings in the folder that CALCDYN_TEST_DATA names, on a simulated movie and on one made of real
footprints and real traces. Beside the errors on held-out frames: how local the maps of the sources are, which is the
share of a source's map within a cell's diameter of its centre, or within the distance between latents where that is
larger; and where the truth is known the area under the ROC curve (AUROC) of the explained map for pixels of dynamic
cells. "ROIs": the sources are the ROIs of the recording, given with the movie (true outlines, or those drawn by hand)
or found where there are none, with the network of footprints as it is trained by default. A run that was interrupted
goes on where it was; rows are in results/both_networks.jsonl.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from comparison import VARIANTS, changes, recordings, select
from comparison import open_recording as open_real
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import Movie, RoiSet
from napari_calcdyn.simulate import simulate_movie
from napari_calcdyn.simulate.movie import SimulatedMovie

NETWORKS = ("footprints", "convolutional")
ROIS = "ROIs"
WAYS = [
    *product(NETWORKS[:1], [*VARIANTS[:2], (ROIS, True), *VARIANTS[2:]]),
    *product(NETWORKS[1:], VARIANTS),
]
SIMULATED, SEMIREAL, SMALL = "simulated", "semi-real", "small"
MEASURED = {
    "reconstruction_error": "reconstruction error",
    "latent_prediction_error": "latent prediction error",
    "picture_prediction_error": "picture prediction error",
    "frame_prediction_error": "frame prediction error",
    "latent_snr": "latent snr",
    "locality": "locality",
    "auroc_all": "AUROC, all",
    "auroc_cells": "AUROC, cells",
    "seconds": "seconds",
}
COMPARED = list(MEASURED)[:6]  # there for each recording
_USUAL_DIAMETER = 8.0  # px, where no activity stands out


def truth_of(name: str, seed: int) -> SimulatedMovie | None:
    """Return the movie of a name and what is true of it; None for a recording."""
    if name == SIMULATED:
        return simulate_movie(frames=1000, height=128, width=128, noise="middle", seed=seed)
    if name == SEMIREAL:
        from semireal import semireal_movie

        return semireal_movie(8, True, 6, seed)
    return simulate_movie(frames=200, height=32, width=40, seed=seed) if name == SMALL else None


def measure(task: Row) -> Row:
    """Fit one network in one way; return its errors, and what its maps are worth."""
    from sklearn.metrics import roc_auc_score

    from napari_calcdyn import contribution_maps
    from napari_calcdyn.jobs.between_rois import look_between_rois
    from napari_calcdyn.models.training import drive
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
    from napari_calcdyn.recording.quality.signal import measure_cell_diameter

    name, seed = str(task["recording"]), int(str(task["seed"]))
    truth = truth_of(name, seed)
    movie = open_real(name) if truth is None else Movie.from_array(truth.movie, name=name)
    mode = VARIANTS[0][0] if task["mode"] == ROIS else task["mode"]
    config = VARAutoencoderConfig.preset(
        str(task["preset"]), network=task["network"], mode=mode, skip=task["skip"]
    )
    model, _ = drive(VARAutoencoder(config).fit_steps(movie, device="cpu", seed=seed), lambda _: None)
    errors = model.metrics
    if task["mode"] == ROIS:
        rois = given_rois(name, movie) if truth is None else truth.rois
        run = look_between_rois(movie, model, model.encode(movie), rois, seed, lambda _: None)
        assert run.fitted is not None
        maps, centres, errors = run.maps, centres_of(run.fitted.rois), errors | run.errors
    else:
        maps, centres = contribution_maps(model, movie), model.latent_centres
    found: Row = {key: errors[key] for key in MEASURED if key in errors}
    # a source is somewhere in its window: cells may be smaller than the distance between windows
    near = max(measure_cell_diameter(movie) or _USUAL_DIAMETER, model.network.stride)
    found["locality"] = locality(list(maps.sources)[: len(centres)], centres, near)
    if truth is not None:
        dynamic, cells = truth.dynamic_mask, truth.cell_mask
        found["auroc_all"] = float(roc_auc_score(dynamic.ravel(), maps.explained.ravel()))
        found["auroc_cells"] = float(roc_auc_score(dynamic[cells], maps.explained[cells]))
    return found


def given_rois(name: str, movie: Movie) -> RoiSet | None:
    """Return the ROIs that lie beside a real recording; None where there are none."""
    from napari_calcdyn import open_rois

    file = recordings()[name].parent / "rois.zip"
    return open_rois(file, frame_shape=movie.frame_shape) if file.exists() else None


def centres_of(rois: RoiSet) -> NDArray[np.float64]:
    """Return the centres of mass of the footprints, (N, 2) in pixels."""
    places = np.indices(rois.frame_shape).reshape(2, -1)
    weights = rois.footprints
    return np.stack([weights @ it for it in places], 1) / np.asarray(weights.sum(1)).reshape(-1, 1)


def locality(sources: Sequence[NDArray[np.float32]], centres: NDArray[Any], diameter: float) -> float:
    """Return the share of all sources' maps that lies within a diameter of the source's centre."""
    near = total = 0.0
    y, x = np.indices(sources[0].shape)
    for image, centre in zip(sources, centres, strict=True):
        size = np.nan_to_num(np.abs(image))
        near += float(size[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= diameter**2].sum())
        total += float(size.sum())
    return near / total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small simulated movie, one seed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", choices=["quick", "standard", "thorough"], default="quick")
    parser.add_argument("--recordings", nargs="*", help="only these; by default all")
    parser.add_argument("--networks", nargs="*", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    suffix = "_quick" if options.quick else "" if options.preset == "quick" else f"_{options.preset}"
    ways = [way for way in WAYS if way[0] in options.networks]
    names = [SMALL] if options.quick else options.recordings or [*recordings(), SIMULATED, SEMIREAL]
    seeds = range(1 if options.quick else options.seeds)
    file = RESULTS / f"both_networks{suffix}.jsonl"
    if options.quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = [
        {
            "recording": name,
            "seed": seed,
            "preset": options.preset,
            "network": network,
            "mode": mode,
            "skip": skip,
        }
        for seed, name, (network, (mode, skip)) in product(seeds, names, ways)
    ]
    code = fingerprint("models", "analysis")
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
    lines: list[Row] = []
    for name, (network, (mode, skip)) in product(names, ways):
        chosen = select(rows, recording=name, network=network, mode=mode, skip=skip)
        line: Row = {"recording": name, "network": network, "training": mode, "skip": "on" if skip else "off"}
        line |= {
            title: mean_sd(row[key] for row in chosen) for key, title in MEASURED.items() if key in chosen[0]
        }
        lines.append(line)
    flags = " --quick" if options.quick else f" --seeds {len(seeds)} --preset {options.preset}"
    if options.recordings:
        flags += f" --recordings {' '.join(options.recordings)}"
    if tuple(options.networks) != NETWORKS:
        flags += f" --networks {' '.join(options.networks)}"
    command = f"python benchmarks/both_networks.py{flags}"
    note = f"On held-out frames; {len(seeds)} seeds, preset {options.preset}"
    save(f"both_networks{suffix}", lines, command=command, notes=f"{note}; mean ± sd.")
    paired = f"{note}; relative change paired by seed, mean (least to most)."
    (one, with_skip), (two, _), (_, without) = VARIANTS[:3]
    for title, said, first, second in (
        ("training", "End-to-end from two-stage, with the skip.", (one, with_skip), (two, with_skip)),
        ("skip", "Skip on from skip off, end-to-end.", (one, with_skip), (one, without)),
    ):
        table = [
            {"recording": name, "network": network}
            | changes(
                rows,
                *(
                    {"recording": name, "network": network, "mode": mode, "skip": on}
                    for mode, on in (first, second)
                ),
                COMPARED,
            )
            for name, network in product(names, options.networks)
        ]
        save(f"both_networks_{title}{suffix}", table, command=command, notes=f"{said} {paired}")


if __name__ == "__main__":
    main()
