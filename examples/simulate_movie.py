"""Simulate a recording, and measure how well simple maps find the cells with dynamics.

Run: python examples/simulate_movie.py [FOLDER]
"""

from __future__ import annotations

import sys

from sklearn.metrics import roc_auc_score

import napari_calcdyn as cd


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else "simulated"
    simulated = cd.simulate_movie(noise="middle", seed=0)
    simulated.save(folder)
    print(f"The movie and the truth are in {folder}: movie.tif and truth.npz.")

    maps = cd.cheap_maps(cd.Movie.from_array(simulated.movie, frame_rate=simulated.frame_rate))
    dynamic, cells = simulated.dynamic_mask, simulated.cell_mask
    print(f"{'map':22}{'against all pixels':>20}{'against other cells':>21}")
    for name, image in vars(maps).items():
        everywhere = roc_auc_score(dynamic.ravel(), image.ravel())
        among_cells = roc_auc_score(dynamic[cells], image[cells])
        print(f"{name:22}{everywhere:20.3f}{among_cells:21.3f}")


if __name__ == "__main__":
    main()
