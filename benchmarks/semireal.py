"""Maps of cells that follow the dynamics, on movies made of real footprints and real traces.

Footprints and traces come from suite2p's output and from fissa's recording in the folder that CALCDYN_TEST_DATA names:
suite2p_plane0, and fissa/AVG_A01..03.tif with rois.zip. Footprints are scaled to cells of 4, 8 or 16 px. Dynamic cells
have real traces; flickering cells have the values of one in random order; silent cells are bright and constant. With
or without neuropil (smooth patterns with real time courses), at three levels of shot noise, in photons per pixel and
frame from the brightest pixel of a typical cell at rest. A run that was interrupted goes on where it was; rows are in
results/semireal.jsonl.
"""

from __future__ import annotations

import argparse
import os
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from maps import CHEAP, MODES
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, measure_all
from scipy.ndimage import gaussian_filter, zoom
from scipy.sparse import csr_array

from napari_calcdyn import Movie
from napari_calcdyn.recording import extract_traces, open_movie, open_rois
from napari_calcdyn.recording.rois import RoiSet
from napari_calcdyn.simulate.camera import Scene, record_scene
from napari_calcdyn.simulate.footprints import draw_background, draw_neuropil_modes
from napari_calcdyn.simulate.movie import SimulatedMovie
from napari_calcdyn.simulate.scene import resting_counts

FOLDER = Path(os.environ.get("CALCDYN_TEST_DATA", ""))
CELLS = {4: (20, 15, 15), 8: (20, 15, 15), 16: (8, 6, 6)}
"""Diameter in pixels: number of dynamic, silent and flickering cells in 128 × 128 pixels."""
PHOTONS = (25, 6, 2)
TRUE = "true footprints"
SIZE, FRAMES, FRAME_RATE = 128, 1000, 10.0
_BACKGROUND = 0.4  # brightness of the resting neuropil relative to a typical cell
_MODES, _FLUCTUATION = 4, 0.03  # standard deviation of one pattern relative to the resting neuropil
_BRIGHT = 20.0  # mean below which a trace of suite2p was normalised or is empty
Image = NDArray[np.floating]


@cache
def real_cells() -> tuple[list[Image], Image, Image]:
    """Return footprints as small images, traces (N, 1000 or more) and time courses of neuropil, of variance 1."""
    suite2p, fissa = FOLDER / "suite2p_plane0", FOLDER / "fissa"
    rois = open_rois(suite2p)
    shapes = _images(rois.select(rois.columns["iscell"]))
    trials = [open_movie(fissa / f"AVG_A0{trial}.tif") for trial in (1, 2, 3)]
    outlines = open_rois(fissa / "rois.zip", frame_shape=trials[0].frame_shape)
    shapes += _images(outlines)
    joined = np.concatenate([_standard(extract_traces(trial, outlines).values) for trial in trials], 1)
    cells, neuropil = np.load(suite2p / "F.npy"), np.load(suite2p / "Fneu.npy")
    bright = cells.mean(1) > _BRIGHT
    joined = np.stack([np.resize(trace, cells.shape[1]) for trace in joined])
    return shapes, np.concatenate([_standard(cells[bright]), joined]), _standard(neuropil[bright])


def _images(rois: RoiSet) -> list[Image]:
    """Cut each footprint out."""
    found = []
    for row in range(len(rois)):
        image = rois.footprints[[row]].toarray().reshape(rois.frame_shape)
        y, x = image.nonzero()
        found.append(image[y.min() : y.max() + 1, x.min() : x.max() + 1])
    return found


def _standard(values: Image) -> Image:
    values = np.asarray(values, np.float64)
    return (values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)


def semireal_movie(diameter: int, neuropil: bool, noise: str | float, seed: int) -> SimulatedMovie:
    """Make one movie and its truth."""
    rng = np.random.default_rng([seed, diameter])
    shapes, pool, slow = real_cells()
    numbers = CELLS[diameter]
    brightness = resting_counts(noise)
    weights = _place(
        [_scaled(shapes[i], diameter, rng) for i in rng.integers(len(shapes), size=sum(numbers))], rng
    )

    dynamic, silent, flicker = numbers
    resting = brightness * rng.lognormal(0.0, 0.25, dynamic)
    size = resting * np.exp(rng.uniform(np.log(0.1), np.log(0.6), dynamic))
    chosen = pool[rng.choice(len(pool), dynamic, replace=False)]
    begin = rng.integers(chosen.shape[1] - FRAMES + 1)
    real = chosen[:, begin : begin + FRAMES]
    active = resting[:, None] + size[:, None] * (real - np.percentile(real, 10, axis=1, keepdims=True))
    constant = np.repeat(brightness * rng.uniform(1.2, 1.8, (silent, 1)), FRAMES, axis=1)
    shuffled = np.stack([rng.permutation(active[cell % dynamic]) for cell in range(flicker)])
    traces = np.concatenate([active, constant, shuffled]).astype(np.float32)

    background = _BACKGROUND * brightness * draw_background(SIZE, SIZE, rng)
    modes = _FLUCTUATION * background * draw_neuropil_modes(_MODES, SIZE, SIZE, rng)
    swell = slow[rng.choice(len(slow), _MODES, replace=False), begin : begin + FRAMES]
    scene = Scene(
        patterns=weights.T.tocsr(),
        traces=traces,
        modes=modes.reshape(_MODES, -1),
        swell=(swell * neuropil).astype(np.float32),
        background=background,
        path=np.zeros((FRAMES, 2)),
        dimming=np.ones(FRAMES, np.float32),
    )
    return SimulatedMovie(
        movie=record_scene(scene, seed),
        weights=weights,
        traces=traces,
        kind=np.repeat(["dynamic", "silent", "flicker"], numbers),
        coefficients=np.empty((0, 0, 0)),
        frame_rate=FRAME_RATE,
    )


def _scaled(image: Image, diameter: int, rng: np.random.Generator) -> Image:
    """Turn a footprint by quarters, mirror it, and scale it to this equivalent diameter; maximum 1."""
    image = np.rot90(image, rng.integers(4))[:: rng.choice([-1, 1])]
    area = np.count_nonzero(image > image.max() / 2)
    factor = diameter / (2 * np.sqrt(area / np.pi))
    padded = gaussian_filter(np.pad(image, 3 + int(2 / factor)), 0.4 * max(1, 1 / factor))
    small = zoom(padded, factor, order=1, grid_mode=True, mode="grid-constant")
    small[small < 0.02 * small.max()] = 0
    return small / small.max()


def _place(shapes: list[Image], rng: np.random.Generator) -> csr_array:
    """Put footprints where they hardly overlap, (N, Y·X)."""
    taken = np.zeros((SIZE, SIZE))
    rows = []
    for shape in shapes:
        y, x = shape.nonzero()
        shape = shape[y.min() : y.max() + 1, x.min() : x.max() + 1]
        for _ in range(10_000):
            top, left = (rng.integers(SIZE - side + 1) for side in shape.shape)
            place = np.s_[top : top + shape.shape[0], left : left + shape.shape[1]]
            if (taken[place] * shape).max() < 0.1:
                break
        taken[place] = np.maximum(taken[place], shape)
        image = np.zeros((SIZE, SIZE), np.float32)
        image[place] = shape
        rows.append(image.ravel())
    return csr_array(np.stack(rows))


def measure(task: Row) -> Row:
    """Return the AUROC of the maps of one method on one movie."""
    from sklearn.metrics import roc_auc_score

    from napari_calcdyn import VARAutoencoder, contribution_maps
    from napari_calcdyn.analysis.maps import cheap_maps

    truth = semireal_movie(task["diameter"], task["neuropil"], task["photons"], task["seed"])  # type: ignore[arg-type]
    movie = Movie.from_array(truth.movie, frame_rate=FRAME_RATE)
    result: Row = {}
    if task["method"] == "cheap":
        found = cheap_maps(movie)
        maps = {name: getattr(found, attribute) for name, attribute in CHEAP.items()}
    elif task["method"] == TRUE:
        maps = {"explained": _explained_by_true_footprints(truth)}
    else:
        model = VARAutoencoder(mode=task["method"]).fit(movie, device="cpu", seed=task["seed"])
        steady = contribution_maps(model, movie, sources=False)
        sparse = contribution_maps(model, movie, var=model.var, sources=False)
        maps = {
            "explained": steady.explained,
            "amplitude": steady.amplitude,
            "explained, sparse": sparse.explained,
        }
        result = {name: model.metrics[name] for name in ("nonzeros", "latent_prediction_error", "seconds")}
    dynamic = truth.dynamic_mask
    for name, image in maps.items():
        result[f"{name}, all"] = float(roc_auc_score(dynamic.ravel(), image.ravel()))
        result[f"{name}, cells"] = float(roc_auc_score(dynamic[truth.cell_mask], image[truth.cell_mask]))
    return result


def _explained_by_true_footprints(truth: SimulatedMovie) -> Image:
    """Return the explained map of a network that knew the cells' footprints, with nothing but their own past."""
    footprints = truth.weights.toarray()
    footprints = footprints / np.linalg.norm(footprints, axis=1, keepdims=True)
    frames = truth.movie.reshape(len(truth.movie), -1).astype(np.float32)
    frames -= frames.mean(0)
    latents = frames @ footprints.T
    recent = np.mean([latents[5 - lag : len(latents) - lag] for lag in range(1, 6)], axis=0)
    own = np.maximum((recent * latents[5:]).sum(0) / np.square(recent).sum(0), 0)
    shared = (own * recent).T @ frames[5:] / len(recent)
    return (footprints * shared).sum(0).reshape(SIZE, SIZE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    parser.add_argument("--two-stage", action="store_true", help="measure two-stage training too")
    options = parser.parse_args()
    if not (FOLDER / "suite2p_plane0").exists():
        print("CALCDYN_TEST_DATA is not set: there are no real footprints and traces.")
        return
    cells = list(product(CELLS, (False, True), PHOTONS))
    methods = ("cheap", TRUE, *MODES[: 1 + options.two_stage])
    tasks: list[Row] = [
        {"diameter": diameter, "neuropil": neuropil, "photons": photons, "seed": seed, "method": method}
        for seed in range(options.seeds)
        for (diameter, neuropil, photons), method in product(cells, methods)
    ]
    code = fingerprint("models", "analysis/maps", "simulate")
    rows = measure_all(RESULTS / "semireal.jsonl", tasks, measure, code=code, jobs=options.jobs)
    lines = [line for cell in cells for line in _lines(rows, cell, methods)]
    flags = " --two-stage" * options.two_stage
    note = (
        "AUROC of dynamic pixels, mean over movies, and in brackets less the best of the five maps that need no model,"
        " each map's mean taken first. Explained, sparse: the same with the VAR as EBIC selects it and frames as they"
        " are. True footprints: the explained map of a network that is given the cells and only lacks their dynamics."
        f" Movies of each kind: {options.seeds}, {FRAMES} frames of {SIZE} × {SIZE}, preset standard."
    )
    save(
        "semireal", lines, command=f"python benchmarks/semireal.py --seeds {options.seeds}{flags}", notes=note
    )


def _lines(rows: list[Row], cell: tuple[int, bool, int], methods: tuple[str, ...]) -> list[Row]:
    """Compare the maps on one kind of movie."""
    keys = ("diameter", "neuropil", "photons")
    mine = [row for row in rows if tuple(row[key] for key in keys) == cell]

    def mean(method: str, name: str, against: str) -> float:
        return float(np.mean([row[f"{name}, {against}"] for row in mine if row["method"] == method]))  # type: ignore[arg-type]

    best = {against: max(mean("cheap", name, against) for name in CHEAP) for against in ("all", "cells")}
    head: Row = {"cells (px)": cell[0], "neuropil": "yes" if cell[1] else "no", "photons": cell[2]}
    lines = []
    shown = [("cheap", "best without model"), (TRUE, "explained")]
    shown += [(method, name) for method in methods[2:] for name in ("explained", "explained, sparse")]
    for method, name in shown:
        line = head | {"map": name if method == "cheap" else f"{name}, {method}"}
        for against, title in (("all", "against all other pixels"), ("cells", "against other cells' pixels")):
            value = best[against] if method == "cheap" else mean(method, name, against)
            line[title] = f"{value:.3f}" + ("" if method == "cheap" else f" ({value - best[against]:+.3f})")
        lines.append(line)
    return lines


if __name__ == "__main__":
    main()
