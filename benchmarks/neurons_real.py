"""The AVAE on a real recording: time, reconstruction of neurons it has not seen, and whether runs agree.

A folder of suite2p, ``suite2p_plane0`` in the folder that the environment variable CALCDYN_TEST_DATA names.
Traces that cannot be used are left out everywhere. Neurons that a model has not seen are a fifth of the others,
drawn anew for each partition; their error is the mean square over their samples, scaled by Eq. 4 as the
settings say, and the same for both methods. Agreement is that of the 10 nearest neighbours on the map.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from report import save
from sklearn.decomposition import PCA

from napari_calcdyn import Traces, open_traces
from napari_calcdyn.analysis.neurons import Neurons, analyse_neurons
from napari_calcdyn.analysis.neurons.scores import neighbourhood_agreement
from napari_calcdyn.jobs import run_neurons
from napari_calcdyn.models.avae import AVAE, AVAEConfig
from napari_calcdyn.recording import Scaling

Row = dict[str, object]


def fitted(traces: Traces, config: AVAEConfig, seed: int) -> AVAE:
    return AVAE(config).fit(traces, device="cpu", seed=seed)


def whole_job(traces: Traces, config: AVAEConfig) -> Row:
    """Time everything that `calcdyn neurons` does."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        metrics = run_neurons(traces, Path(folder, "out"), config, device="cpu", seed=0)
        seconds = time.perf_counter() - start
    return {"what": "whole job, s", "value": seconds, "limit": 180.0} | {
        "of": f"{metrics['neurons']} neurons of {metrics['samples']} samples"
    }


def held_out(traces: Traces, config: AVAEConfig, partition: int) -> tuple[float, float]:
    """Mean squared error of AVAE and PCA on neurons that neither was fitted to."""
    order = np.random.default_rng(partition).permutation(len(traces))
    test, train = (traces.select(np.sort(part)) for part in np.split(order, [len(order) // 5]))
    reconstructed = fitted(train, config, partition).reconstruct(test)
    if config.scaling == "trace":
        seen, known = (Scaling.fit(part.values, per="trace").apply(part.values) for part in (train, test))
        ours = Scaling.fit(test.values, per="trace").apply(reconstructed)
    else:
        scaling = Scaling.fit(train.values)
        seen, known, ours = (scaling.apply(part) for part in (train.values, test.values, reconstructed))
    pca = PCA(config.latent, svd_solver="arpack", random_state=0).fit(seen.astype(np.float64))
    linear = pca.inverse_transform(pca.transform(known))
    return error(ours, known), error(linear, known)


def error(found: NDArray[np.float32], known: NDArray[np.float32]) -> float:
    return float(np.square(found - known, dtype=np.float64).mean())


def difference(first: Neurons, second: Neurons) -> float:
    """Largest difference between two results, relative to the spread of each."""
    pairs = ((getattr(first, name), getattr(second, name)) for name in ("mean", "reconstruction", "tsne"))
    return max(float(np.abs(one - other).max() / one.std()) for one, other in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer partitions and the preset “quick”")
    quick: bool = parser.parse_args().quick
    data = os.environ.get("CALCDYN_TEST_DATA")
    if not data:
        print("CALCDYN_TEST_DATA is not set: there is no real recording to measure on.")
        return
    traces = open_traces(Path(data, "suite2p_plane0"))
    traces = traces.select(traces.usable)
    config = AVAEConfig.preset("quick" if quick else "standard")

    rows = [whole_job(traces, config)]
    errors = np.array([held_out(traces, config, partition) for partition in range(1 if quick else 5)])
    ours, linear = errors.mean(0)
    wins = int((errors[:, 0] < errors[:, 1]).sum())
    rows.append(
        {
            "what": "held-out error, AVAE over PCA",
            "value": ours / linear,
            "limit": 1.0,
            "of": f"{ours:.4g} and {linear:.4g}, {config.latent} numbers for a neuron, lower in {wins} of {len(errors)}"
            " partitions",
        }
    )
    runs = [analyse_neurons(fitted(traces, config, seed), traces, seed=seed) for seed in (0, 0, 1)]
    rows.append(
        {
            "what": "same seed twice, largest difference",
            "value": difference(*runs[:2]),
            "limit": 1e-6,
            "of": "latents, reconstruction and map, over their standard deviation",
        }
    )
    for what in ("tsne", "mean"):
        agreement, chance = neighbourhood_agreement(getattr(runs[0], what), getattr(runs[2], what))
        name = {"tsne": "map", "mean": "latents"}[what]
        rows.append(
            {"what": f"two seeds, agreement of the {name}", "value": agreement, "of": f"chance {chance:.3f}"}
        )
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    save(
        f"neurons_real{suffix}",
        rows,
        command=f"python benchmarks/neurons_real.py{option}",
        notes=" ".join(__doc__.split("\n\n", 1)[1].split()),
    )


if __name__ == "__main__":
    main()
