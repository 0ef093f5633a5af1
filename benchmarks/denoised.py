"""Denoised traces against other filters: error to the truth, coverage of the band, and prediction of hidden samples.

Simulated: 15 cultures × 150 neurons of three types, 30 s at 20 Hz, white noise of standard deviation σ; mean squared
error to the trace without noise, over all neurons, mean ± standard deviation over seeds. The AVAE is trained on the
same noisy traces with its default settings; redrawn is its reconstruction from the latents. The Gaussian has the
width that is best by the truth; Wiener is a filter for each trace by its own spectrum, smoothed as is best by the
truth, with σ known or not; OASIS is
oasis-deconv (AR(1), L1), once as it comes and once told the true σ. Band: share of true samples within ± 1.5 standard
deviations.

Real (suite2p_plane0): every tenth sample is hidden from everything; mean squared error at these samples, each neuron
in units of its noise, half the mean squared difference of neighbours. Gaussian and Wiener: as is best by the hidden
samples. Filters that need all samples get a straight line in the gaps; the
AVAE cannot redraw samples that it never saw of any neuron.

OASIS needs ``pip install oasis-deconv``; without it, its column is empty.
Choices were made on seeds from 100 on, and with other samples hidden.
"""

from __future__ import annotations

import argparse
import importlib
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from report import RESULTS, save
from resumable import Row, fingerprint, mean_sd, measure_all
from scipy.ndimage import gaussian_filter1d

from napari_calcdyn import AVAE, Traces, alike_neurons, denoise, open_traces, simulate_cultures
from napari_calcdyn.recording.traces import BAND

SIGMAS = (0.5, 1.0, 1.5, 2.0, 2.5)
WIDTHS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0)
HELD = (1, 2, 4, 6, 7)  # which sample of ten is hidden; 0, 3 and 5 were used for choosing
SMOOTH = (1.0, 3.0, 8.0, 20.0, 40.0)
METHODS = ("raw", "Gaussian", "Wiener", "OASIS", "OASIS, σ known", "redrawn", "alone", "denoised")
Array = NDArray[np.float64]


def wiener(values: Array, smooth: float, variance: float | None = None) -> Array:
    """Wiener filter of each trace by its smoothed spectrum; white noise of a variance, or as in its highest quarter."""
    mean = values.mean(axis=1, keepdims=True)
    mirrored = np.concatenate([values - mean, (values - mean)[:, ::-1]], axis=1)  # without a jump at the ends
    spectrum = np.fft.rfft(mirrored, axis=1)
    power = np.square(np.abs(spectrum))
    noise = power[:, int(0.75 * power.shape[1]) :].mean(axis=1, keepdims=True)
    if variance is not None:
        noise = np.full_like(noise, variance * mirrored.shape[1])
    gain = np.clip(1 - noise / gaussian_filter1d(power, smooth, axis=1, mode="nearest"), 0, 1)
    return np.fft.irfft(spectrum * gain, n=mirrored.shape[1], axis=1)[:, : values.shape[1]] + mean


def best_wiener(values: Array, error, variance: float | None = None) -> float:  # type: ignore[no-untyped-def]
    """Return the least error over how smooth the spectrum is, and over both ways to know the noise."""
    return min(
        error(wiener(values, smooth, noise)) for smooth in SMOOTH for noise in dict.fromkeys((None, variance))
    )


def best_gaussian(values: Array, shown: NDArray[np.bool_], error) -> float:  # type: ignore[no-untyped-def]
    seen = shown.astype(float)
    found = []
    for width in WIDTHS:
        weight = gaussian_filter1d(seen, width)
        if weight.min() > 1e-6:
            found.append(error(gaussian_filter1d(np.where(shown, values, 0), width, axis=1) / weight))
    return min(found)


def oasis(values: Array, sigma: float | None = None) -> Array | None:
    try:
        deconvolve = importlib.import_module("oasis.functions").deconvolve  # not a requirement
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = {} if sigma is None else {"sn": sigma}
        # Corrected for neuropil, a trace may rest below zero.
        found = [deconvolve(trace, penalty=1, b_nonneg=bool(trace.min() >= 0), **known) for trace in values]
    return np.stack([calcium + baseline for calcium, _, baseline, *_ in found])


def simulated(task: Row) -> Row:
    seed, sigma = int(str(task["seed"])), float(str(task["sigma"]))
    cultures, neurons, seconds = (1, 12, 10.0) if task["quick"] else (5, 150, 30.0)
    data = simulate_cultures(("RS", "IB", "CH"), cultures, neurons, seconds, frame_rate=20.0, seed=seed)
    noisy = data.noisy(sigma, seed=seed)
    traces = Traces.from_array(noisy, frame_rate=20.0)
    model = AVAE(preset="quick" if task["quick"] else "standard").fit(traces, device="cpu", seed=seed)
    alone, ours = denoise(traces), denoise(traces, alike_neurons(model.encode(traces)[0]))

    def error(found: Array | None) -> float:
        return (
            float("nan") if found is None else float(np.square(found - data.clean, dtype=np.float64).mean())
        )

    values = noisy.astype(np.float64)
    return {
        "raw": error(values),
        "Gaussian": best_gaussian(values, np.ones(values.shape[1], bool), error),
        "Wiener": best_wiener(values, error, sigma**2),
        "OASIS": error(oasis(values)),
        "OASIS, σ known": error(oasis(values, sigma)),
        "redrawn": error(model.reconstruct(traces).astype(np.float64)),
        "alone": error(alone.values.astype(np.float64)),
        "denoised": error(ours.values.astype(np.float64)),
        "band": float((np.abs(ours.values - data.clean) < BAND * ours.sd).mean()),
        "band alone": float((np.abs(alone.values - data.clean) < BAND * alone.sd).mean()),
    }


def real(task: Row) -> Row:
    recording = open_traces(Path(os.environ["CALCDYN_TEST_DATA"], "suite2p_plane0"))
    recording = recording.select(recording.usable)
    values = recording.values.astype(np.float64)
    seed = int(str(task["seed"]))
    shown = np.ones(values.shape[1], bool)
    shown[seed::10] = False
    unit = np.square(np.diff(values, axis=1)).mean(axis=1) / 2
    masked = recording.masked(np.broadcast_to(shown, values.shape))
    time = np.arange(values.shape[1])
    filled = np.stack([np.interp(time, time[shown], trace[shown]) for trace in values])
    model = AVAE().fit(masked, device="cpu", seed=seed)
    ours = denoise(masked, alike_neurons(model.encode(masked)[0]))

    def error(found: Array | None) -> float:
        if found is None:
            return float("nan")
        return float((np.square(found - values)[:, ~shown].mean(axis=1) / unit).mean())

    return {
        "raw": error(filled),
        "Gaussian": best_gaussian(values, shown, error),
        "Wiener": best_wiener(filled, error),
        "OASIS": error(oasis(filled)),
        "alone": error(denoise(masked).values.astype(np.float64)),
        "denoised": error(ours.values.astype(np.float64)),
    }


def measured(task: Row) -> Row:
    return (simulated if task["what"] == "simulated" else real)(task)


def shown_row(label: str, rows: list[Row]) -> Row:
    shown: Row = {"what": label}
    for method in METHODS:
        values = [row[method] for row in rows if method in row and row[method] == row[method]]
        shown[method] = mean_sd(values, 3) if values else ""
    for name, column in (("band", "band"), ("band alone", "band, alone")):
        if name in rows[0]:
            shown[column] = mean_sd((row[name] for row in rows), 3)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small culture of each type, one seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    quick: bool = options.quick
    sigmas, seeds = ((1.0,), 1) if quick else (SIGMAS, 5)
    code = fingerprint("recording/traces", "models/avae", "analysis/neurons", "simulate")
    tasks: list[Row] = [
        {"what": "simulated", "quick": quick, "seed": seed, "sigma": sigma}
        for seed in range(seeds)
        for sigma in sigmas
    ]
    folder = os.environ.get("CALCDYN_TEST_DATA")
    if folder:
        tasks += [{"what": "real", "quick": quick, "seed": seed} for seed in ((1,) if quick else HELD)]
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    rows = measure_all(RESULTS / f"denoised{suffix}.jsonl", tasks, measured, code=code, jobs=options.jobs)
    simulations = [row for row in rows if row["what"] == "simulated"]
    table = [
        shown_row(f"σ = {sigma:g}", [row for row in simulations if row["sigma"] == sigma]) for sigma in sigmas
    ]
    if folder:
        table.append(shown_row("suite2p_plane0", [row for row in rows if row["what"] == "real"]))
    save(
        f"denoised{suffix}",
        table,
        command=f"python benchmarks/denoised.py{option}",
        notes=" ".join(__doc__.split("\n\n", 1)[1].split()),
    )


if __name__ == "__main__":
    main()
