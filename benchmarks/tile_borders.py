"""Do maps show the edges of the network's windows? All of them lie on the borders of its square tiles.

The gradient across tile borders, which is the mean absolute difference between neighbouring pixels on both sides,
relative to that at all other places. It is compared with the same ratio for every other grid of the same spacing,
displaced by some pixels: where as many grids are above the borders as below, the borders are a grid like the others.
"Sources": the maps of all sources, each of which counts as much as it explains. A run without ROIs: cells are found,
and the sources are cells, or latents where no cell is found.

Real and semi-real recordings need the folder that CALCDYN_TEST_DATA names. A run that was interrupted goes on where it
was; rows are in results/tile_borders.jsonl.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import Any

import numpy as np
from both_networks import SEMIREAL, SIMULATED, SMALL, truth_of
from comparison import open_recording, recordings, select
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import CORES, Row, fingerprint, mean_sd, measure_all

from napari_calcdyn import Movie
from napari_calcdyn.jobs.between_rois import look_between_rois
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig

MAPS = ("explained", "amplitude", "own", "driven")


def measure(task: Row) -> Row:
    """Fit one recording; return for each map the ratio at the borders, and the part of other grids that is above."""
    name, seed = str(task["recording"]), int(str(task["seed"]))
    truth = truth_of(name, seed)
    movie = open_recording(name) if truth is None else Movie.from_array(truth.movie, name=name)
    model = VARAutoencoder(VARAutoencoderConfig.preset("quick")).fit(movie, device="cpu", seed=seed)
    run = look_between_rois(movie, model, model.encode(movie), None, seed, lambda _: None)
    stride = model.network.stride
    found: Row = {"stride": stride}
    images = {it: [image] for it in MAPS if (image := getattr(run.maps, it)) is not None}
    for title, pictures in (images | {"sources": list(run.maps.sources)}).items():
        ratios = ratios_of_grids(pictures, stride)
        found[title] = float(ratios[0])
        found[f"{title}, above"] = float((ratios[1:] > ratios[0]).mean())
        found[f"{title}, most"] = float(ratios[1:].max())
    return found


def ratios_of_grids(pictures: list[NDArray[Any]], stride: int) -> NDArray[np.float64]:
    """Return the gradient across each of `stride` grids relative to elsewhere; the first grid is the tiles' borders."""
    across, lines = np.zeros(stride), np.zeros(stride)
    for picture, axis in product(pictures, (0, 1)):
        steps = np.nan_to_num(np.abs(np.diff(picture, axis=axis)))
        per_line = steps.mean(axis=1 - axis)
        # tiles begin where position + stride // 2 is a multiple of the stride; a step lies before its second pixel
        grid = (np.arange(1, len(per_line) + 1) + stride // 2) % stride
        across += np.bincount(grid, per_line, minlength=stride)
        lines += np.bincount(grid, minlength=stride)
    elsewhere = (across.sum() - across) / (lines.sum() - lines)
    ratios: NDArray[np.float64] = across / lines / elsewhere
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small simulated movie, one seed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    suffix = "_quick" if options.quick else ""
    names = [SMALL] if options.quick else [*recordings(), SIMULATED, SEMIREAL]
    seeds = range(1 if options.quick else options.seeds)
    file = RESULTS / f"tile_borders{suffix}.jsonl"
    if options.quick:
        file.unlink(missing_ok=True)
    tasks: list[Row] = [{"recording": name, "seed": seed} for seed, name in product(seeds, names)]
    rows = measure_all(file, tasks, measure, code=fingerprint("models", "analysis"), jobs=options.jobs)
    lines: list[Row] = []
    for name in names:
        chosen = select(rows, recording=name)
        line: Row = {"recording": name, "tile, px": chosen[0]["stride"]}
        for title in (it for it in (*MAPS, "sources") if it in chosen[0]):
            above = np.mean([float(str(row[f"{title}, above"])) for row in chosen])
            line[title] = f"{mean_sd(row[title] for row in chosen)} ({above:.0%})"
        lines.append(line)
    save(
        f"tile_borders{suffix}",
        lines,
        command="python benchmarks/tile_borders.py"
        + (" --quick" if options.quick else f" --seeds {len(seeds)}"),
        notes=f"Gradient across the tiles' borders relative to elsewhere; mean ± sd over {len(seeds)} seeds, preset"
        " quick. In brackets: the part of the displaced grids whose ratio is larger.",
    )


if __name__ == "__main__":
    main()
