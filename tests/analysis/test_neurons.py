"""What is said of every neuron, and what is written down."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from sklearn.decomposition import PCA

from napari_calcdyn.analysis.neurons.neurons import analyse_neurons
from napari_calcdyn.analysis.neurons.scores import adjusted_rand_index, neighbour_accuracy
from napari_calcdyn.jobs.neurons import run_neurons
from napari_calcdyn.jobs.result_folder import RESULTS
from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.avae.model import AVAE
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.recording import Cancelled, InputError, RoiSet, Traces

KEYS = {
    *("architecture", "hidden", "latent", "beta", "neurons", "samples", "epochs", "validation_loss"),
    *("reconstruction_error", "kl", "active_units", "seconds", "peak_rss_mb", "device", "seed"),
}


class Linear:
    """Stands in for an AVAE: principal components of traces that are each scaled to unit variance."""

    def __init__(self, traces: Traces, latent: int = 2) -> None:
        self._pca = PCA(latent).fit(self._scaled(traces))

    def _scaled(self, traces: Traces) -> np.ndarray:
        values = traces.values[traces.usable]
        self._middle, self._spread = values.mean(1, keepdims=True), values.std(1, keepdims=True)
        return (values - self._middle) / self._spread

    def check(self, traces: Traces) -> None:
        if traces.samples != len(self._pca.mean_):
            raise InputError("other length.")

    def encode(self, traces: Traces) -> tuple[np.ndarray, np.ndarray]:
        mean = np.full((len(traces), len(self._pca.components_)), np.nan, np.float32)
        mean[traces.usable] = self._pca.transform(self._scaled(traces))
        return mean, np.where(np.isnan(mean), np.nan, np.float32(0.1))

    def reconstruct(self, traces: Traces) -> np.ndarray:
        values = np.full(traces.values.shape, np.nan, np.float32)
        scaled = self._scaled(traces)
        values[traces.usable] = (
            self._pca.inverse_transform(self._pca.transform(scaled)) * self._spread + self._middle
        )
        return values


def three_groups(neurons: int = 90, samples: int = 120) -> tuple[Traces, np.ndarray]:
    """Neurons that follow one of three rhythms; the traces of two cannot be used."""
    rng = np.random.default_rng(0)
    types = np.arange(neurons) % 3
    rhythms = np.sin(np.arange(samples) / np.array([[3.0], [7.0], [15.0]]))
    values = 50 + 5 * rng.uniform(1, 2, (neurons, 1)) * (
        rhythms[types] + 0.2 * rng.normal(size=(neurons, samples))
    )
    values[4], values[10] = 7.0, np.nan
    return Traces(values, np.arange(100, 100 + neurons), frame_rate=10.0, name="rhythms"), types


def test_neurons_that_behave_alike_are_together() -> None:
    traces, types = three_groups()
    neurons = analyse_neurons(Linear(traces), traces)
    known = traces.usable
    assert known.sum() == 88
    assert adjusted_rand_index(types[known], neurons.cluster[known]) > 0.9
    assert (
        neighbour_accuracy(neurons.tsne[known], types[known], neurons.tsne[known], types[known], k=5) > 0.95
    )
    np.testing.assert_array_equal(neurons.ids, traces.ids)
    assert (neurons.mean.shape, neurons.std.shape, neurons.tsne.shape) == ((90, 2), (90, 2), (90, 2))
    assert neurons.reconstruction.shape == traces.values.shape
    assert neurons.problems == traces.problems
    for values in (neurons.mean, neurons.std, neurons.tsne, neurons.reconstruction):
        np.testing.assert_array_equal(np.isnan(values).all(1), ~known)
    np.testing.assert_array_equal(neurons.cluster[~known], -1)
    placed = neurons.embedding.transform(neurons.mean[known][:5])
    assert neighbour_accuracy(neurons.tsne[known], types[known], placed, types[known][:5], k=5) == 1


def test_features_have_a_value_for_every_neuron() -> None:
    traces, _ = three_groups()
    features = analyse_neurons(Linear(traces), traces).features
    assert list(features)[:3] == ["mu_1", "mu_2", "cluster"]
    assert {"explained", "peak", "snr", "events_per_minute"} < features.keys()
    assert all(column.shape == (90,) for column in features.values())
    explained = features["explained"][traces.usable]
    assert ((explained > 0.8) & (explained < 1)).all()
    assert np.isnan(features["explained"][~traces.usable]).all()


def test_same_seed_same_result() -> None:
    traces, _ = three_groups()
    first, second = (analyse_neurons(Linear(traces), traces, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.tsne, second.tsne)
    np.testing.assert_array_equal(first.cluster, second.cluster)


def test_table_of_the_neurons(tmp_path: Path) -> None:
    traces, _ = three_groups()
    neurons = analyse_neurons(Linear(traces), traces)
    neurons.write_csv(tmp_path / "neurons.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["neurons.csv"]
    with (tmp_path / "neurons.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["roi_id", "mu_1", "mu_2", "tsne_1", "tsne_2", "cluster"]
    assert [int(row["roi_id"]) for row in table] == traces.ids.tolist()
    assert table[4] == dict.fromkeys(table[0], "") | {"roi_id": "104", "cluster": "-1"}
    written = np.array([float(table[7][name]) for name in ("mu_1", "mu_2", "tsne_1", "tsne_2")])
    np.testing.assert_allclose(written, [*neurons.mean[7], *neurons.tsne[7]], rtol=1e-6)
    with pytest.raises(InputError, match="cannot be written"):
        neurons.write_csv(tmp_path / "nowhere" / "neurons.csv")


def test_what_cannot_be_analysed() -> None:
    traces, _ = three_groups()
    model = Linear(traces)
    with pytest.raises(InputError, match="9 neurons with a usable trace are too few to compare"):
        analyse_neurons(model, traces.select(np.arange(11)))
    with pytest.raises(Cancelled):
        analyse_neurons(model, traces, progress=lambda done, total: True)


def small(traces: Traces) -> AVAEConfig:
    return AVAEConfig.preset("quick", hidden=16, latent=3)


def test_the_whole_job(tmp_path: Path) -> None:
    traces, _ = three_groups()
    labels = np.zeros((12, 90), np.int32)
    labels[3:9] = np.arange(100, 190)
    seen: list[Progress] = []
    out = tmp_path / "out"
    metrics = run_neurons(
        traces,
        out,
        small(traces),
        device="cpu",
        seed=2,
        on_progress=seen.append,
        rois=RoiSet.from_labels(labels),
    )
    assert sorted(path.name for path in out.iterdir()) == sorted((*RESULTS["neurons"], "rois.npz"))
    written = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert written == metrics
    assert written.keys() >= KEYS
    assert (written["neurons"], written["samples"], written["latent"], written["hidden"]) == (88, 120, 3, 16)
    assert (written["device"], written["seed"]) == ("cpu", 2)
    assert 0 <= written["active_units"] <= 3
    stages = [*dict.fromkeys(progress.stage for progress in seen)]
    assert stages[-3:] == ["Denoising the traces", "Mapping the neurons", "Writing the results"]
    reconstruction = np.load(out / "reconstruction.npy")
    assert (reconstruction.shape, reconstruction.dtype) == ((90, 120), np.float32)
    assert matplotlib.image.imread(out / "overview.png").shape[1] > 1000

    # The saved model says the same of the same traces, and is measured on all of them.
    model = AVAE.load(out / "model", device="cpu")
    again = run_neurons(traces, tmp_path / "again", model, device="cpu", seed=2)
    np.testing.assert_allclose(np.load(tmp_path / "again" / "reconstruction.npy"), reconstruction, rtol=1e-6)
    assert (out / "neurons.csv").read_bytes() == (tmp_path / "again" / "neurons.csv").read_bytes()
    assert again.keys() >= KEYS
    assert again["neurons"] == 88
    some = run_neurons(traces.select(np.arange(20)), tmp_path / "some", model, device="cpu")
    assert some["neurons"] == 18
    assert some["reconstruction_error"] != again["reconstruction_error"]


def test_an_error_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    traces, _ = three_groups()

    def interrupt(progress: Progress) -> None:
        if progress.stage == "Mapping the neurons":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_neurons(traces, tmp_path / "out", small(traces), device="cpu", on_progress=interrupt)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "overview.png").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="not from an earlier run of `calcdyn neurons`"):
        run_neurons(traces, tmp_path / "out", small(traces), device="cpu")
