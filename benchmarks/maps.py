"""Maps of cells that follow the dynamics, on simulated movies whose truth is known.

Three noise levels. Area under the ROC curve (AUROC) of each map for pixels of dynamic cells against all other
pixels, and against pixels of other cells, which are silent or flicker without memory; beside them five maps
that need no model. A run that was interrupted goes on where it was; rows are in results/maps.jsonl.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import Movie
from napari_calcdyn.simulate import simulate_movie
from napari_calcdyn.simulate.movie import SimulatedMovie

CHEAP = {
    "std": "std",
    "std / √mean": "std_over_sqrt_mean",
    "local correlation": "local_correlation",
    "lag-1 autocovariance": "lag1_autocovariance",
    "smooth autocovariance": "smooth_autocovariance",
}
MODES = ("end-to-end", "two-stage")
AGAINST = {"all": "against all other pixels", "cells": "against other cells' pixels"}
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "maps.png"
Image = NDArray[np.floating]


def simulate(task: Row) -> SimulatedMovie:
    return simulate_movie(
        frames=task["frames"], height=task["size"], width=task["size"], noise=task["noise"], seed=task["seed"]
    )


def maps_of(task: Row, truth: SimulatedMovie) -> tuple[dict[str, Image], Row]:
    """Return the maps of one method, and for a model its errors."""
    from napari_calcdyn import contribution_maps
    from napari_calcdyn.analysis.maps import cheap_maps
    from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig

    movie = Movie.from_array(truth.movie, frame_rate=truth.frame_rate)
    if task["method"] == "cheap":
        found = cheap_maps(movie)
        return {name: getattr(found, attribute) for name, attribute in CHEAP.items()}, {}

    config = VARAutoencoderConfig.preset(task["preset"], mode=task["method"])
    run = VARAutoencoder(config).fit_steps(movie, device="cpu", seed=task["seed"])
    while True:
        try:
            next(run)
        except StopIteration as end:
            model = end.value
            break
    maps = contribution_maps(model, movie)
    split = maps.sources.sum(0)
    errors: Row = {
        "completeness_error": completeness_error(model, movie),
        "sources_error": float(abs(split - maps.explained).max() / abs(maps.explained).max()),
    }
    names = ("latent_prediction_error", "reconstruction_error", "latent_snr", "seconds")
    errors |= {name: model.metrics[name] for name in names}
    return {"explained": maps.explained, "amplitude": maps.amplitude}, errors


def completeness_error(model, movie: Movie) -> float:  # type: ignore[no-untyped-def]
    """Largest difference between Σ_k C_k[t] and s (D(ẑ[t]) − D(μ)) in some frames, relative to the latter."""
    from napari_calcdyn import contribution_movie

    chosen = np.linspace(model.var.order, movie.n_frames - 1, 4).astype(int)
    latents = model.encode(movie)
    whole = model.decode(model.var.predict(latents)[chosen]).astype(np.float64)
    whole -= model.decode(model.var.mean[None])
    parts = np.zeros_like(whole)
    for source in range(latents.shape[1]):
        contribution = contribution_movie(model, movie, source=source)
        parts += [np.asarray(contribution[t]) for t in chosen]
    return float(abs(parts - whole).max() / abs(whole).max())


def measure(task: Row) -> Row:
    """Return the AUROC of the maps of one method on one movie."""
    from sklearn.metrics import roc_auc_score

    truth = simulate(task)
    maps, result = maps_of(task, truth)
    dynamic = truth.dynamic_mask
    for name, image in maps.items():
        result[f"{name}, all"] = float(roc_auc_score(dynamic.ravel(), image.ravel()))
        result[f"{name}, cells"] = float(roc_auc_score(dynamic[truth.cell_mask], image[truth.cell_mask]))
    return result


def draw(task: Row, file: Path) -> None:
    """Show the maps of one movie side by side, with the outlines of the cells."""
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    truth = simulate(task)
    images: dict[str, Image] = {"mean frame": truth.movie.mean(0)}
    for mode in MODES:
        maps, _ = maps_of(task | {"method": mode}, truth)
        images |= {f"{name}, {mode}": image for name, image in maps.items()}
    images |= maps_of(task | {"method": "cheap"}, truth)[0]
    outlines = {"dynamic": "tab:green", "silent": "tab:blue", "flicker": "tab:red"}
    figure, axes = plt.subplots(2, 6, figsize=(18, 6.6), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, image) in zip(axes.flat, images.items(), strict=False):
        axis.imshow(image, cmap="gray", vmin=np.percentile(image, 1), vmax=np.percentile(image, 99.5))
        axis.set_title(name)
        if name == "mean frame":
            for footprint, kind in zip(truth.footprints, truth.kind, strict=True):
                axis.contour(footprint, [0.5], colors=outlines[str(kind)], linewidths=1)
    handles = [Line2D([], [], color=colour, label=f"{kind} cells") for kind, colour in outlines.items()]
    axes.flat[-1].legend(handles=handles, loc="center", frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
    plt.close(figure)
    print(f"Wrote {file}")


def numbers(rows: list[Row], noise: str, name: str, against: str) -> list[float]:
    """AUROC of one map over the seeds; a model's map is named ``explained, end-to-end``."""
    title, _, mode = name.partition(", ")
    chosen = [row for row in rows if row["noise"] == noise and row["method"] == (mode or "cheap")]
    return [float(row[f"{title}, {against}"]) for row in chosen]  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small movie, preset quick")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", choices=["quick", "standard", "thorough"], default="standard")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix = "_quick" if quick else ""
    preset = "quick" if quick else options.preset
    noises = ["middle"] if quick else ["low", "middle", "high"]
    seeds = range(1 if quick else options.seeds)
    frames, size = (300, 64) if quick else (1000, 128)
    file = RESULTS / f"maps{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    shared: Row = {"preset": preset, "frames": frames, "size": size}
    tasks = [
        shared | {"noise": noise, "seed": seed, "method": method}
        for noise, seed, method in product(noises, seeds, (*MODES, "cheap"))
    ]
    code = fingerprint("models", "analysis", "simulate")
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)
    flags = " --quick" if quick else f" --seeds {len(seeds)} --preset {preset}"
    command = f"python benchmarks/maps.py{flags}"
    movies = f"movies per noise level: {len(seeds)}, {frames} frames of {size} × {size}, preset {preset}"

    model_maps = [f"{name}, {mode}" for name in ("explained", "amplitude") for mode in MODES]
    lines: list[Row] = []
    for noise, name in product(noises, [*model_maps, *CHEAP]):
        line: Row = {"noise": noise, "map": name}
        for against, title in AGAINST.items():
            found = numbers(rows, noise, name, against)
            line |= {title: mean_sd(found, 3), f"least {title}": f"{min(found):.3f}"}
        lines.append(line)
    save(f"maps{suffix}", lines, command=command, notes=f"AUROC of dynamic pixels, mean ± sd; {movies}.")

    leads: list[Row] = []
    for noise, name in product(noises, model_maps):
        line = {"noise": noise, "map": name}
        for against, title in AGAINST.items():
            cheap = np.max([numbers(rows, noise, other, against) for other in CHEAP], axis=0)
            lead = np.array(numbers(rows, noise, name, against)) - cheap
            line[title] = f"{lead.mean():+.3f} ({lead.min():+.3f} to {lead.max():+.3f})"
        leads.append(line)
    note = f"AUROC less the best of the five other maps of the same movie: mean (least to most); {movies}."
    save(f"maps_lead{suffix}", leads, command=command, notes=note)

    checks: list[Row] = []
    for noise, mode in product(noises, MODES):
        chosen = [row for row in rows if row["noise"] == noise and row["method"] == mode]
        line = {"noise": noise, "training": mode}
        line |= {
            f"largest {name.replace('_', ' ')}": f"{max(float(row[name]) for row in chosen):.1e}"  # type: ignore[arg-type]
            for name in ("completeness_error", "sources_error")
        }
        for name in ("latent_prediction_error", "reconstruction_error", "latent_snr", "seconds"):
            line[name.replace("_", " ")] = mean_sd(row[name] for row in chosen)
        checks.append(line)
    note = (
        "Completeness: Σ_k C_k[t] against s (D(ẑ[t]) − D(μ)) in four frames; sources: Σ_k E_k against E; both"
        f" relative to the largest value of the whole. {movies}."
    )
    save(f"maps_checks{suffix}", checks, command=command, notes=note)
    draw(shared | {"noise": "middle", "seed": 0}, RESULTS / "maps_quick.png" if quick else PICTURE)


if __name__ == "__main__":
    main()
