"""Simulate one culture of each type, and plot the spikes of all neurons and the fluorescence of four.

Run: python examples/simulate_culture.py [PICTURE]
"""

from __future__ import annotations

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from napari_calcdyn.simulate.culture import KINDS, grow_culture
from napari_calcdyn.simulate.fluorescence import fluorescence
from napari_calcdyn.simulate.spiking import simulate_spikes

COLOURS = {"RS": "tab:blue", "IB": "tab:orange", "CH": "tab:green"}  # as in Fig. 1 of the paper


def main() -> None:
    """Simulate the cultures, print their rates and synchrony, and plot them."""
    picture = sys.argv[1] if len(sys.argv) > 1 else "cultures.png"
    figure, axes = plt.subplots(2, 3, figsize=(12, 5), sharex=True, layout="constrained")
    noise = np.random.default_rng(0)
    for (spikes_of, traces_of), kind in zip(axes.T, KINDS, strict=True):
        spikes = simulate_spikes(grow_culture(700, kind, seed=0), 32, seed=0)
        print(f"{kind}: {spikes.rates.mean():.2f} Hz, synchrony χ {spikes.synchrony():.2f}")
        spikes_of.plot(spikes.steps / 1000, spikes.neurons, ",", color=COLOURS[kind])
        spikes_of.set(title=kind, ylim=(0, 700))
        clean = fluorescence(spikes)[:4] + 40 * np.arange(4)[:, None]  # stacked
        traces = clean + noise.standard_normal(clean.shape)
        traces_of.plot(np.arange(traces.shape[1]) / 50, traces.T, lw=0.5, color=COLOURS[kind])
        traces_of.set(xlabel="s", xlim=(0, 32))
    axes[0, 0].set_ylabel("neuron")
    axes[1, 0].set_ylabel("fluorescence, σ = 1, stacked")
    figure.savefig(picture, dpi=120)
    print(f"The picture is in {picture}.")


if __name__ == "__main__":
    main()
