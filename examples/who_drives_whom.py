"""Test which ROI drives which, on a simulated movie with known connections.

Run: python examples/who_drives_whom.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import napari_calcdyn as cd


def main() -> None:
    simulated = cd.simulate_movie(frames=1500, height=96, width=96, seed=1)
    movie = cd.Movie.from_array(simulated.movie, frame_rate=simulated.frame_rate)

    influence = cd.influence_test(movie, simulated.rois)
    known = simulated.coefficients[0]  # [target, source], of the dynamic cells, which come first
    edges = influence.edges(alpha=0.05)
    for source, target, lag, strength, _, p_value in edges.tolist():
        dynamic = max(source, target) <= len(known)
        there = dynamic and known[target - 1, source - 1] != 0
        print(
            f"cell {source:2d} → cell {target:2d}, lag {lag}: strength {strength:+.2f}, p = {p_value:.3f}"
            f"{'' if there else '   (not in the simulation)'}"
        )
    np.fill_diagonal(known, 0)
    print(f"The test finds {len(edges)} connections; the simulation has {np.count_nonzero(known)}.")

    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    influence.write_csv(folder / "influence.csv", alpha=0.05)
    influence.write_graphml(folder / "influence.graphml", alpha=0.05)


if __name__ == "__main__":
    main()
