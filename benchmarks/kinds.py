"""Which kind of neuron, on cultures that no method has seen: latents of kinds, phase-free features, and components.

Three types × five cultures × 150 neurons, 30 s at 20 Hz, noise of standard deviation σ. One culture of each type is
left out in turn; each of its neurons gets the type of most of its 10 nearest neighbours in the other cultures. Known
cultures: a fifth of all neurons, drawn at random, is left out instead. Mean ± standard deviation over seeds; 1/3 is
chance. Quantiles (7), autocorrelation (20 lags up to 10 s) and spectrum (16 bands) are those of the centred trace,
scaled by its range; they, the statistics and the spike counts are standardised by their training neurons. Each
culture is denoised by itself. Spike counts: number, mean, standard deviation, least, median and most of the logarithm
of the spikes in each event, from the trace without noise: what no method can know. Choices were made on seeds from
100 on.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all
from scipy.signal import lfilter
from sklearn.decomposition import PCA

from napari_calcdyn import KindEncoder, Traces, open_traces, simulate_cultures
from napari_calcdyn.analysis.neurons.across import counterpart_share
from napari_calcdyn.analysis.neurons.scores import neighbour_accuracy
from napari_calcdyn.models.kinds.model import WINDOWS, latent_layer
from napari_calcdyn.models.kinds.statistics import standard_traces, trace_statistics
from napari_calcdyn.recording import Scaling
from napari_calcdyn.simulate import SimulatedCultures
from napari_calcdyn.simulate.fluorescence import AMPLITUDE, BASELINE, DECAY, P2, P3

SIGMAS = (0.5, 1.0, 1.5, 2.0, 2.5)
LATENTS = (2, 4, 8, 16)
RATE = 20.0
CULTURES, NEURONS = 5, 150
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
LAGS = np.unique(np.geomspace(1, 200, 20).astype(int))
JOINED = 4  # samples; spikes that are closer are one event
Array = NDArray[np.float64]


def autocorrelation(centred: Array) -> Array:
    power = np.abs(np.fft.rfft(centred, 2 * centred.shape[1], axis=1)) ** 2
    found = np.fft.irfft(power, axis=1)
    return found[:, LAGS] / found[:, :1]


def spectrum(centred: Array) -> Array:
    power = np.abs(np.fft.rfft(centred * np.hanning(centred.shape[1]), axis=1)) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1], 17).astype(int))
    bands = [power[:, start:stop].mean(axis=1) for start, stop in itertools.pairwise(edges)]
    return np.log(np.stack(bands, axis=1) / power[:, 1:].sum(axis=1, keepdims=True))


def spike_counts(clean: Array) -> Array:
    """Describe the events of each neuron by the number of their spikes, which only the clean trace shows."""
    decay = np.exp(-np.arange(clean.shape[1]) / RATE / DECAY)
    spike = BASELINE * AMPLITUDE * (decay + P2 * (decay**2 - decay) + P3 * (decay**3 - decay))
    counts = np.round(lfilter([1.0], spike / spike[0], clean - BASELINE, axis=1) / spike[0])
    found = []
    for row in np.maximum(counts, 0):
        at = np.flatnonzero(row)
        parts = np.split(at, np.flatnonzero(np.diff(at) > JOINED) + 1)
        logs = np.log([row[part].sum() for part in parts if len(part)] or [0.5])
        found.append([len(logs), logs.mean(), logs.std(), logs.min(), np.median(logs), logs.max()])
    return np.array(found)


def splits(data: SimulatedCultures) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.int64]]]:
    place = data.table["culture"] % data.settings.cultures
    for out in range(data.settings.cultures):
        yield "unseen", np.flatnonzero(place != out), np.flatnonzero(place == out)
    for partition in range(2):
        order = np.random.default_rng([partition, data.settings.seed]).permutation(len(place))
        yield "known", order[len(order) // 5 :], order[: len(order) // 5]


@cache
def cultures(seed: int, quick: bool) -> SimulatedCultures:
    return simulate_cultures(
        cultures=3 if quick else CULTURES, neurons=40 if quick else NEURONS, frame_rate=RATE, seed=seed
    )


def measured(task: Row) -> Row:
    """Score every method on one simulation."""
    data = cultures(int(str(task["seed"])), bool(task["quick"]))
    noisy = data.noisy(float(str(task["sigma"])), seed=data.settings.seed)
    types = data.table["type"]
    start = time.perf_counter()
    each = [
        standard_traces(Traces.from_array(noisy[data.table["culture"] == culture], frame_rate=RATE))
        for culture in np.unique(data.table["culture"])
    ]
    seconds = time.perf_counter() - start
    standard = np.concatenate(each)
    statistics = trace_statistics(standard, RATE)[0].astype(np.float64)
    windows = trace_statistics(standard, RATE, windows=WINDOWS).swapaxes(0, 1).astype(np.float64)
    scaled = Scaling.fit(noisy, "trace").apply(noisy).astype(np.float64)
    centred = scaled - scaled.mean(axis=1, keepdims=True)
    features = {
        "quantiles": np.quantile(centred, QUANTILES, axis=1).T,
        "autocorrelation": autocorrelation(centred),
        "spectrum": spectrum(centred),
    }
    features["the three together"] = np.hstack(list(features.values()))
    features |= {"statistics of rises": statistics, "spike counts, without noise": spike_counts(data.clean)}

    found: dict[str, dict[str, list[float]]] = {}
    for split, training, test in splits(data):

        def score(method: str, seen: Array, unseen: Array) -> None:
            accuracy = neighbour_accuracy(seen, types[training], unseen, types[test])  # noqa: B023
            found.setdefault(method, {}).setdefault(split, []).append(accuracy)  # noqa: B023

        for method, values in features.items():
            mean, spread = values[training].mean(axis=0), values[training].std(axis=0) + 1e-9
            score(method, (values[training] - mean) / spread, (values[test] - mean) / spread)
        components = PCA(max(LATENTS), svd_solver="arpack", random_state=0).fit(scaled[training])
        places = components.transform(scaled)
        for latent in LATENTS:
            score(f"PCA, {latent}", places[training, :latent], places[test, :latent])
            layer = latent_layer(windows[training], latent)
            weight, bias = layer.weight.double().numpy(), layer.bias.double().numpy()
            latents = statistics @ weight.T + bias
            score(f"kinds, {latent}", latents[training], latents[test])
    means = {
        f"{method}|{split}": float(np.mean(values))
        for method, by in found.items()
        for split, values in by.items()
    }
    return {"denoising_s": seconds, **means}


def real() -> list[Row]:
    """First against second half of a real recording, as two recordings."""
    traces = open_traces(Path(os.environ["CALCDYN_TEST_DATA"], "suite2p_plane0"))
    traces = traces.select(traces.usable)
    middle = traces.samples // 2
    halves = [
        Traces.from_array(traces.values[:, part], frame_rate=traces.frame_rate, name=name)
        for name, part in (("first half", slice(0, middle)), ("second half", slice(middle, 2 * middle)))
    ]
    both = halves[0].usable & halves[1].usable
    halves = [half.select(both) for half in halves]
    rows: list[Row] = []
    for scaling in ("noise", "trace"):
        start = time.perf_counter()
        encoder = KindEncoder(scaling=scaling).fit(halves)
        seconds = time.perf_counter() - start
        first, second = (encoder.encode(half) for half in halves)
        for k in (1, 10):
            share, chance = counterpart_share(first, second, k)
            rows.append(
                {
                    "scaled by": scaling,
                    "neighbours": k,
                    "neuron found among them": share,
                    "by chance": chance,
                    "neurons": int(both.sum()),
                    "fit s": round(seconds, 1),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small simulation")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--sigma", type=float, nargs="*", default=SIGMAS, help="levels of noise")
    parser.add_argument("--seeds", type=int, default=5, help="from 0 on")
    options = parser.parse_args()
    quick: bool = options.quick
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    file = RESULTS / f"kinds{suffix}.jsonl"
    if quick:
        file.unlink(missing_ok=True)
    sigmas = (1.0,) if quick else tuple(options.sigma)
    seeds = range(1 if quick else options.seeds)
    tasks: list[Row] = [{"sigma": sigma, "seed": seed, "quick": quick} for sigma in sigmas for seed in seeds]
    code = fingerprint(
        "models/kinds/statistics.py",
        "models/kinds/repeatable.py",
        "recording/traces/denoising.py",
        "recording/traces/jump_smoother.py",
    )
    rows = measure_all(file, tasks, measured, code=code, jobs=options.jobs)
    notes = " ".join(__doc__.split("\n\n", 1)[1].split())
    if sigmas != SIGMAS and not quick:
        option = f" --sigma {' '.join(f'{sigma:g}' for sigma in sigmas)}"
    command = f"python benchmarks/kinds.py{option}"
    methods = [name.removesuffix("|unseen") for name in rows[0] if name.endswith("|unseen")]
    lines: list[Row] = []
    for method in methods:
        line: Row = {"method": method}
        for split, words in (("unseen", ""), ("known", ", known cultures")):
            for sigma in sigmas:
                if split == "known" and sigma != 1.0:
                    continue
                chosen = [row[f"{method}|{split}"] for row in rows if row["sigma"] == sigma]
                line[f"σ = {sigma:g}{words}"] = mean_sd(chosen, 3)
        lines.append(line)
    save(f"kinds{suffix}", lines, command=command, notes=notes)
    if os.environ.get("CALCDYN_TEST_DATA"):
        about = (
            "suite2p_plane0 cut in two: how often a neuron of the first half has itself among its nearest in the"
            " second."
        )
        save(f"kinds_real{suffix}", real(), command=command, notes=about)


if __name__ == "__main__":
    main()
