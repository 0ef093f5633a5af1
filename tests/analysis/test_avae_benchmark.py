"""The benchmark of the AVAE: the same neurons for every method, numbers that others get too, and no run twice."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from napari_calcdyn.analysis.neurons.clustering import epsilon_candidates
from napari_calcdyn.jobs.avae_benchmark.experiments import run_benchmark, simulated
from napari_calcdyn.jobs.avae_benchmark.grid import Grid, Run, all_runs, partition_of
from napari_calcdyn.jobs.avae_benchmark.tables import RUNS, SETTINGS, add_run, read_runs
from napari_calcdyn.recording import Cancelled, InputError
from napari_calcdyn.simulate.cultures import SimulatedCultures

TINY = Grid(
    neurons=15,
    cultures=2,
    seconds=4.0,
    frame_rate=10.0,
    sigmas=(1.0,),
    sizes=((8, 2),),
    betas=(0.0, 0.5),
    partitions=2,
    epochs=2,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a benchmark that ran through; tests change only copies of it.

    Some 5 s: the process that trains loads torch.
    """
    folder = tmp_path_factory.mktemp("benchmark") / "new" / "tiny"
    run_benchmark(TINY, folder)
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture(scope="module")
def cultures() -> SimulatedCultures:
    return simulated(TINY)


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def test_the_grid_is_that_of_the_paper() -> None:
    runs = list(all_runs(Grid()))
    assert len(set(runs)) == len(runs)
    by_neurons = [run for run in runs if run.split == "neurons"]
    assert len(by_neurons) == 10 * 5 * 4 * (2 * 3 + 1)
    assert {(run.hidden, run.latent) for run in runs} == {(32, 2), (64, 4), (128, 8), (256, 16)}
    assert {run.sigma for run in runs} == {0.5, 1.0, 1.5, 2.0, 2.5}
    assert {(run.method, run.beta) for run in by_neurons} == {
        ("pca", None),
        *((method, beta) for method in ("avae", "paper") for beta in (0.0, 0.5, 1.0)),
    }
    by_cultures = [run for run in runs if run.split == "cultures"]
    assert len(by_cultures) == 5 * 5 * 4 * 3
    assert {run.partition for run in by_cultures} == set(range(5))


def test_every_method_gets_the_same_test_neurons(cultures: SimulatedCultures) -> None:
    parts: dict[tuple[str, int], set[bytes]] = {}
    for run in all_runs(TINY):
        training, test = partition_of(cultures, run)
        assert sorted([*training, *test]) == list(range(90))
        if run.split == "neurons":
            assert len(test) == 18
        parts.setdefault((run.split, run.partition), set()).add(test.tobytes())
    assert all(len(found) == 1 for found in parts.values())
    assert len(set().union(*parts.values())) == len(parts)


def test_split_by_culture_shares_no_culture(cultures: SimulatedCultures) -> None:
    culture, kind = cultures.table["culture"], cultures.table["type"]
    left_out: list[int] = []
    for partition in range(TINY.cultures):
        training, test = partition_of(cultures, Run(1.0, 8, 2, None, partition, "pca", "cultures"))
        assert not set(culture[training]) & set(culture[test])
        assert set(kind[test]) == set(kind[training]) == {"RS", "IB", "CH"}
        left_out += sorted(set(culture[test].tolist()))
    assert sorted(left_out) == list(range(6))


def test_tables_have_a_row_for_each_training(finished: Path) -> None:
    runs = read_runs(finished)
    assert set(runs) == set(all_runs(TINY))
    expected = {
        (
            str(run.sigma),
            "8",
            "2",
            "" if run.beta is None else str(run.beta),
            str(run.partition),
            run.method,
        ): score
        for run, score in runs.items()
        if run.split == "neurons"
    }
    for name, score in (("reconstruction", "mse"), ("representation", "ari")):
        header, *rows = table(finished / f"{name}.csv")
        assert header == ["sigma", "hidden", "latent", "beta", "partition", "method", score]
        assert {tuple(row[:-1]): float(row[-1]) for row in rows} == {
            key: getattr(value, score) for key, value in expected.items()
        }
        assert len(rows) == len(expected) == 2 * 5
    for found in runs.values():
        assert 0 < found.mse < 1
        assert -0.5 <= found.ari <= 1
        assert 0 <= found.neighbour_accuracy <= 1
    assert {path.name for path in finished.iterdir()} == {
        RUNS,
        SETTINGS,
        "reconstruction.csv",
        "representation.csv",
        "summary.md",
    }


@pytest.mark.parametrize("split", ["neurons", "cultures"])
def test_pca_is_that_of_scikit_learn(split: str, finished: Path, cultures: SimulatedCultures) -> None:
    noisy = cultures.noisy(1.0, seed=TINY.seed).astype(np.float64)
    low, span = noisy.min(axis=1, keepdims=True), np.ptp(noisy, axis=1, keepdims=True)
    scaled, clean = (noisy - low) / span - 0.5, (cultures.clean - low) / span - 0.5
    run = Run(1.0, 8, 2, None, 1, "pca", split)
    training, test = partition_of(cultures, run)
    pca = PCA(2, svd_solver="full").fit(scaled[training])
    latents = pca.transform(scaled[test])
    found = read_runs(finished)[run]
    assert found.mse == pytest.approx(
        np.square(pca.inverse_transform(latents) - clean[test]).mean(), rel=1e-4
    )
    types = cultures.table["type"][test]
    scores = [
        adjusted_rand_score(types, DBSCAN(eps=epsilon, min_samples=5).fit_predict(latents))
        for epsilon in epsilon_candidates(latents)
    ]
    assert found.ari == pytest.approx(max(scores), abs=1e-6)


def test_a_row_that_was_cut_off_is_not_there_and_is_replaced(finished: Path, copy: Path) -> None:
    text = (finished / RUNS).read_text(encoding="utf-8")
    (copy / RUNS).write_text(text[:-2], encoding="utf-8")  # what is left of its last number is a number too
    whole, cut = read_runs(finished), read_runs(copy)
    (lost,) = whole.keys() - cut.keys()
    assert cut == {run: score for run, score in whole.items() if run != lost}
    add_run(copy, lost, whole[lost])
    assert (copy / RUNS).read_text(encoding="utf-8") == text


def test_a_finished_benchmark_is_not_run_again(finished: Path, copy: Path) -> None:
    (copy / "reconstruction.csv").unlink()
    told: list[tuple[int, int]] = []
    run_benchmark(TINY, copy, progress=lambda *at: told.append(at))
    assert told == [(16, 16)]
    for path in finished.iterdir():
        assert (copy / path.name).read_bytes() == path.read_bytes()


def test_a_callback_can_stop_it(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        run_benchmark(TINY, tmp_path, progress=lambda done, total: True)
    assert read_runs(tmp_path) == {}


@pytest.mark.parametrize("change", [{"seed": 1}, {"partitions": 3}, {"scaling": "recording"}])
def test_another_grid_in_the_same_folder_is_refused(change: dict[str, object], copy: Path) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    with pytest.raises(InputError, match=r"holds another benchmark: .* the same options\.$"):
        run_benchmark(replace(TINY, **change), copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_another_device_or_a_damaged_note_is_refused(copy: Path) -> None:
    with pytest.raises(InputError, match="another benchmark"):
        run_benchmark(TINY, copy, device="auto")
    (copy / SETTINGS).write_text('{"grid": {', encoding="utf-8")
    with pytest.raises(InputError, match="another benchmark"):
        run_benchmark(TINY, copy)


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds other files: .*\.$"):
        run_benchmark(TINY, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(InputError, match=r"mine\.txt cannot be written"):
        run_benchmark(TINY, tmp_path / "mine.txt")


def test_an_unknown_device_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="abacus"):
        run_benchmark(TINY, tmp_path / "new", device="abacus")
    assert not (tmp_path / "new").exists()
