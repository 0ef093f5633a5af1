"""Sources that are cells: how many of the dynamic cells of a movie of known truth have a source of their own.

A dynamic cell is matched by a source if their footprints, each cut off at half of its maximum, share half of their
united area (IoU ≥ 0.5) and the source's activity correlates with the true one by 0.9 or more; one source for each cell.
A source is cell-like if its footprint is in one piece and 0.4 to 2.2 times as large as the median cell; it is false if
no cell of any kind (dynamic, silent, flickering) is left for it. The reconstruction error on the last fifth of the
frames is relative to that of the ℓ1-VAR autoencoder on the same frames. True footprints tell what activity can be had
at this noise: they are fitted to the frames by least squares, all together and with the same background.

Run ``python benchmarks/sources.py --suite2p PYTHON`` with an interpreter that has suite2p 1.1.0; without it, its rows
are missing. ``--first-seed 100`` takes movies that methods may be chosen on. Semi-real movies (semireal.py) need the
folder that CALCDYN_TEST_DATA names. A run that was interrupted goes on where it was; rows are in results/sources.jsonl.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from peers import STAND_INS
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all
from scipy.ndimage import label
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array, vstack

from napari_calcdyn import Movie
from napari_calcdyn.models.sources.activity import activity_of
from napari_calcdyn.models.sources.background import background_grid
from napari_calcdyn.simulate import simulate_movie
from napari_calcdyn.simulate.movie import SimulatedMovie

NOISES = ("low", "middle", "high")
SEMIREAL = [
    (diameter, neuropil, photons)
    for diameter in (4, 8, 16)
    for neuropil in (False, True)
    for photons in (25, 6)
]
SPACING = 28.0  # px, of the background beside footprints that come without one
HELD_OUT = 0.2
PEER = "CALCDYN_SUITE2P"  # names its interpreter to the processes that measure
COMPONENTS, PATCH, OF_A_PATCH = 64, 32, 6
SUITE2P = """
from suite2p import parameters
from suite2p.run_s2p import run_s2p

if __name__ == "__main__":
    movie, out, diameter = sys.argv[1:4]
    settings = parameters.default_settings()
    settings["torch_device"] = "cpu"
    settings["diameter"] = [float(diameter)] * 2
    settings["run"] |= {"do_registration": 0, "do_deconvolution": False, "do_regmetrics": False}
    import pathlib
    movie = pathlib.Path(movie)
    db = parameters.default_db() | {"data_path": [str(movie.parent)], "file_list": [movie.name], "save_path0": out}
    run_s2p(db=db, settings=settings)
"""


@dataclass(frozen=True, eq=False)
class Found:
    """What a method returns: footprints (k, Y·X), activity (k, T), and its reconstruction of frames or None."""

    footprints: csr_array
    activity: NDArray[np.floating]
    seconds: float
    background: csr_array | None = None
    error: float | None = None


def simulate(task: Row) -> SimulatedMovie:
    if task["movie"] == "simulated":
        size = int(str(task["size"]))
        return simulate_movie(
            frames=task["frames"],  # type: ignore[arg-type]
            height=size,
            width=size,
            noise=task["noise"],  # type: ignore[arg-type]
            seed=task["seed"],  # type: ignore[arg-type]
        )
    from semireal import semireal_movie

    return semireal_movie(task["diameter"], task["neuropil"], task["noise"], task["seed"])  # type: ignore[arg-type]


def deviations(truth: SimulatedMovie) -> NDArray[np.float32]:
    frames = truth.movie.reshape(len(truth.movie), -1).astype(np.float32)
    return frames - frames.mean(0)


def latents(task: Row, truth: SimulatedMovie) -> Found:
    """Take the latents of the autoencoder as they are."""
    from napari_calcdyn import VARAutoencoder

    movie = Movie.from_array(truth.movie, frame_rate=truth.frame_rate)
    start = time.perf_counter()
    model = VARAutoencoder().fit(movie, device="cpu", seed=int(str(task["seed"])))
    encoded = model.encode(movie)
    seconds = time.perf_counter() - start
    footprints = model.decode(np.eye(encoded.shape[1], dtype=np.float32)) - model.offset
    error = model.metrics["reconstruction_error"]
    return Found(
        csr_array(np.maximum(footprints, 0).reshape(len(footprints), -1)), encoded.T, seconds, error=error
    )


def sources(task: Row, truth: SimulatedMovie) -> Found:
    """Find cells and background with `find_sources`."""
    from napari_calcdyn.models.sources import find_sources

    movie = Movie.from_array(truth.movie, frame_rate=truth.frame_rate)
    start = time.perf_counter()
    found = find_sources(movie)
    seconds = time.perf_counter() - start
    cells = found.kind == "cell"
    return Found(found.footprints[cells], found.activity.T[cells], seconds, found.footprints[~cells])


def true_footprints(task: Row, truth: SimulatedMovie) -> Found:
    """Take the cells that are there."""
    start = time.perf_counter()
    background = background_grid(truth.movie.shape[1:], SPACING)
    activity = activity_of(Movie.from_array(truth.movie), csr_array(vstack([truth.weights, background])))
    return Found(truth.weights, activity[: len(truth.kind)], time.perf_counter() - start, background)


def ica(task: Row, truth: SimulatedMovie) -> Found:
    """Find spatial independent components of the movie's principal components (Mukamel et al. 2009)."""
    from sklearn.decomposition import FastICA

    start = time.perf_counter()
    frames = deviations(truth)
    fit = FastICA(COMPONENTS, max_iter=200, tol=1e-3, random_state=0)
    pictures = fit.fit_transform(frames.T.astype(np.float64)).T
    sign = np.sign((pictures**3).mean(1))[:, None]
    footprints = np.maximum(pictures * sign - 2 * pictures.std(1, keepdims=True), 0)
    return Found(csr_array(footprints), fit.mixing_.T * sign, time.perf_counter() - start)


def nmf(task: Row, truth: SimulatedMovie) -> Found:
    """Find non-negative factors of square patches of the movie."""
    from sklearn.decomposition import NMF

    start = time.perf_counter()
    size = truth.movie.shape[1]
    footprints, activity = [], []
    for y, x in product(range(0, size, PATCH), repeat=2):
        patch = truth.movie[:, y : y + PATCH, x : x + PATCH]
        pixels = patch.reshape(len(patch), -1).astype(np.float32)
        fit = NMF(OF_A_PATCH, init="nndsvda", max_iter=150, tol=1e-3)
        factors = fit.fit_transform(pixels - pixels.min(0))
        for picture, factor in zip(fit.components_, factors.T, strict=True):
            image = np.zeros(truth.movie.shape[1:], np.float32)
            image[y : y + PATCH, x : x + PATCH] = picture.reshape(patch.shape[1:])
            footprints.append(image.ravel())
            activity.append(factor)
    return Found(csr_array(np.stack(footprints)), np.stack(activity), time.perf_counter() - start)


def suite2p(task: Row, truth: SimulatedMovie) -> Found:
    """Take ROIs of suite2p's detection by activity, with its neuropil subtraction; without registration."""
    start = time.perf_counter()
    area = np.median((truth.footprints > 0.5).sum((1, 2)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "movie").mkdir()
        tifffile.imwrite(folder / "movie" / "movie.tif", truth.movie)
        (folder / "run.py").write_text(STAND_INS + SUITE2P, encoding="utf-8")
        command = [
            os.environ[PEER],
            str(folder / "run.py"),
            str(folder / "movie" / "movie.tif"),
            str(folder),
        ]
        done = subprocess.run(
            [*command, f"{2 * np.sqrt(area / np.pi):.1f}"], capture_output=True, text=True, check=False
        )
        out = next(folder.rglob("stat.npy"), None)
        if out is None:
            if "ROIs" not in done.stdout + done.stderr:
                raise RuntimeError(done.stderr[-3000:])
            return Found(csr_array((0, truth.movie[0].size)), np.zeros((0, len(truth.movie))), 0.0)
        stat = np.load(out, allow_pickle=True)
        activity = np.load(out.with_name("F.npy")) - 0.7 * np.load(out.with_name("Fneu.npy"))
    footprints = np.zeros((len(stat), truth.movie[0].size), np.float32)
    for row, roi in zip(footprints, stat, strict=True):
        row[np.asarray(roi["ypix"]) * truth.movie.shape[2] + roi["xpix"]] = roi["lam"]
    return Found(csr_array(footprints), activity, time.perf_counter() - start)


PEERS = (
    "PCA and ICA",
    "NMF of patches",
    "suite2p 1.1.0",
)  # of this program, they see the simulated movies only
METHODS = {
    "latents as they are": latents,
    "sources": sources,
    "true footprints": true_footprints,
    "PCA and ICA": ica,
    "NMF of patches": nmf,
    "suite2p 1.1.0": suite2p,
}


def measure(task: Row) -> Row:
    """Compare what a method finds with the truth."""
    truth = simulate(task)
    found = METHODS[str(task["method"])](task, truth)
    cells, masks = _above_half(truth.weights), _above_half(found.footprints)
    together = cells @ masks.T
    union = cells.sum(1)[:, None] + masks.sum(1) - together
    overlap = together / np.maximum(union, 1)
    dynamic = truth.kind == "dynamic"
    r = _correlation(truth.traces[dynamic], found.activity)
    matched = _pairs(overlap[dynamic], (overlap[dynamic] >= 0.5) & (r >= 0.9))
    in_space = _pairs(overlap[dynamic], overlap[dynamic] >= 0.5)
    area = float(np.median(cells.sum(1)))
    like = np.array([_is_cell_like(it.reshape(truth.movie.shape[1:]), area) for it in masks], bool)
    taken = {source for _, source in _pairs(overlap, overlap >= 0.5)}
    false = [source for source in np.flatnonzero(like) if source not in taken]
    return {
        "matched": len(matched) / dynamic.sum(),
        "in space": len(in_space) / dynamic.sum(),
        "r": float(np.mean([r[pair] for pair in in_space])) if in_space else 0.0,
        "cell-like": int(like.sum()),
        "false": len(false) / max(1, int(like.sum())),
        "error": found.error or _error(truth, found),
        "seconds": found.seconds,
    }


def _above_half(footprints: csr_array) -> NDArray[np.float64]:
    """Return 1 where a footprint exceeds half of its maximum, (k, Y·X)."""
    dense = footprints.toarray()
    return ((dense > 0.5 * dense.max(1, keepdims=True, initial=0)) & (dense > 0)).astype(np.float64)


def _correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    unit = []
    for values in (one, other):
        deviation = values - values.mean(1, keepdims=True, dtype=np.float64)
        unit.append(deviation / np.maximum(np.linalg.norm(deviation, axis=1, keepdims=True), 1e-12))
    return unit[0] @ unit[1].T  # type: ignore[no-any-return]


def _pairs(overlap: NDArray[np.floating], allowed: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Match one to one: as many pairs as are allowed, and of these the best overlap."""
    pairs = zip(*linear_sum_assignment(-(allowed * (100 + overlap))), strict=True)
    return [(int(a), int(b)) for a, b in pairs if allowed[a, b]]


def _is_cell_like(mask: NDArray[np.floating], area: float) -> bool:
    if not 0.4 * area <= mask.sum() <= 2.2 * area:
        return False
    parts, _ = label(mask, np.ones((3, 3)))
    return bool(np.bincount(parts.ravel())[1:].max() >= 0.8 * mask.sum())


def _error(truth: SimulatedMovie, found: Found) -> float:
    """Mean squared error on held-out frames, in squared movie units."""
    background = (
        background_grid(truth.movie.shape[1:], SPACING) if found.background is None else found.background
    )
    footprints = csr_array(vstack([found.footprints, background]), dtype=np.float64)
    frames = deviations(truth)[round((1 - HELD_OUT) * len(truth.movie)) :]
    gram = (footprints @ footprints.T).toarray()
    activity = np.linalg.lstsq(gram, footprints @ frames.T, rcond=1e-10)[0]
    return float(np.square(frames - (footprints.T @ activity).T).mean())


def lines(rows: list[Row], head: tuple[str, ...]) -> list[Row]:
    """One line for each kind of movie and method."""
    made: list[Row] = []
    for kind in dict.fromkeys(tuple(row[it] for it in head) for row in rows):
        mine = [row for row in rows if tuple(row[it] for it in head) == kind]
        own = {
            row["seed"]: float(str(row["error"])) for row in mine if row["method"] == "latents as they are"
        }
        for method in dict.fromkeys(row["method"] for row in mine):
            some = [row for row in mine if row["method"] == method]
            made.append(
                dict(zip(head, kind, strict=True))
                | {
                    "method": method,
                    "dynamic cells matched": mean_sd((row["matched"] for row in some), 3),
                    "by footprint alone": mean_sd((row["in space"] for row in some), 3),
                    "r of those": mean_sd((row["r"] for row in some), 3),
                    "cell-like sources": mean_sd((row["cell-like"] for row in some), 1),
                    "of them false": mean_sd((row["false"] for row in some), 3),
                    "reconstruction error": mean_sd(
                        (float(str(row["error"])) / own[row["seed"]] for row in some), 3
                    ),
                    "seconds": mean_sd((row["seconds"] for row in some), 1),
                }
            )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small movie, and no semi-real ones")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--semireal", type=int, default=0, metavar="SEEDS", help="semi-real movies of each kind"
    )
    parser.add_argument("--suite2p", help="Python interpreter with suite2p 1.1.0")
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    if options.suite2p:
        os.environ[PEER] = options.suite2p
    quick: bool = options.quick
    suffix = "_quick" if quick else "" if options.first_seed == 0 else f"_{options.first_seed}"
    frames, size = (300, 64) if quick else (1000, 128)
    seeds = range(options.first_seed, options.first_seed + (1 if quick else options.seeds))
    methods = [it for it in METHODS if options.suite2p or it != "suite2p 1.1.0"]
    file = RESULTS / f"sources{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)

    def with_method(about: Row, chosen: list[str]) -> list[Row]:
        peers = {"code": fingerprint("simulate")}
        return [about | {"method": it} | (peers if it in PEERS else {}) for it in chosen]

    shared: Row = {"movie": "simulated", "frames": frames, "size": size}
    tasks: list[Row] = []
    for noise, seed in product(NOISES[1:2] if quick else NOISES, seeds):
        tasks += with_method(shared | {"noise": noise, "seed": seed}, methods)
    for seed, (diameter, neuropil, photons) in product(
        range(options.first_seed, options.first_seed + options.semireal), SEMIREAL
    ):
        about: Row = {
            "movie": "semi-real",
            "diameter": diameter,
            "neuropil": neuropil,
            "noise": photons,
            "seed": seed,
        }
        tasks += with_method(about, [it for it in methods if it not in PEERS[:2]])
    code = fingerprint("models", "simulate", "recording/traces", "recording/quality")
    rows = measure_all(file, tasks, measure, code=code, jobs=options.jobs)

    flags = " --quick" * quick + f" --seeds {options.seeds}" * (not quick)
    flags += f" --first-seed {options.first_seed}" * bool(options.first_seed)
    flags += f" --semireal {options.semireal}" * bool(options.semireal)
    command = f"python benchmarks/sources.py{flags}" + " --suite2p PYTHON" * bool(options.suite2p)
    notes = " ".join(__doc__.split("\n\n")[1].split())
    simulated = [row for row in rows if row["movie"] == "simulated"]
    about_movies = f" {len(seeds)} movies per level of noise, {frames} frames of {size} × {size}; mean ± sd."
    save(f"sources{suffix}", lines(simulated, ("noise",)), command=command, notes=notes + about_movies)
    real = [row for row in rows if row["movie"] == "semi-real"]
    if real:
        made = lines(real, ("diameter", "neuropil", "noise"))
        note = (
            f"On movies of semireal.py, noise in photons; {options.semireal} movies of each kind; mean ± sd."
        )
        save(f"sources_semireal{suffix}", made, command=command, notes=note)


if __name__ == "__main__":
    main()
