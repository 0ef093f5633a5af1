"""What is said of a benchmark is what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_calcdyn.jobs.avae_benchmark.grid import Run, Score
from napari_calcdyn.jobs.avae_benchmark.score_panels import draw_against_noise
from napari_calcdyn.jobs.avae_benchmark.summary import Series, over_partitions, summary


@pytest.fixture
def runs() -> dict[Run, Score]:
    """Two cells of three partitions: PCA wins the second in error, the networks' better β differ."""
    found = {}
    for partition, offset in enumerate((-0.001, 0.0, 0.001)):
        for sigma, pca in ((0.5, 0.010), (1.0, 0.004)):
            found[Run(sigma, 32, 2, None, partition, "pca")] = Score(pca + offset, 0.30 + offset, 0.5)
            for beta, mse, ari in ((0.0, 0.006, 0.30), (0.5, 0.005, 0.35), (1.0, 0.008, 0.50)):
                score = Score(mse + offset, ari + offset, 0.7)
                found[Run(sigma, 32, 2, beta, partition, "avae")] = score
                found[Run(sigma, 32, 2, beta, partition, "paper")] = Score(mse + 0.001, ari, 0.7)
            for method, beta in (("pca", None), ("avae", 0.5), ("paper", 0.5)):
                found[Run(sigma, 32, 2, beta, partition, method, "cultures")] = Score(1.0, 1.0, 0.4)
    return found


def test_scores_are_gathered_over_partitions(runs: dict[Run, Score]) -> None:
    shuffled = dict(reversed(runs.items()))
    measured = over_partitions(shuffled, "mse")
    assert len(measured) == 2 * (7 + 3)
    np.testing.assert_allclose(measured[Series("neurons", 0.5, 2, "pca", None)], [0.009, 0.010, 0.011])
    np.testing.assert_allclose(measured[Series("neurons", 1.0, 2, "avae", 1.0)], [0.007, 0.008, 0.009])


def test_summary_takes_the_better_beta_and_counts_cells(runs: dict[Run, Score]) -> None:
    text = summary(runs)
    assert "over 3 random partitions (3 for cultures that were never seen)" in text
    error, agreement, known, unknown = text.split("### ")[1:]
    assert "| 0.5 | 2 | 10.00 ± 1.00 | 6.00 ± 0.00 (0.5) | 5.00 ± 1.00 (0.5) |" in error
    assert "| 1 | 2 | 4.00 ± 1.00 | 6.00 ± 0.00 (0.5) | 5.00 ± 1.00 (0.5) |" in error
    assert "AVAE below PCA in 1 of 2 cells; AVAE / PCA is 0.500 to 1.250." in error
    assert "AVAE below the published network in 2 of 2 cells" in error
    assert "| 0.5 | 2 | 0.300 ± 0.001 | 0.500 ± 0.000 (1) | 0.500 ± 0.001 (1) |" in agreement
    assert "AVAE above PCA in 2 of 2 cells; AVAE − PCA is +0.200 to +0.200." in agreement
    assert "| 1 | 2 | 0.500 ± 0.000 | 0.700 ± 0.000 (0) | 0.700 ± 0.000 (0) |" in known
    assert "| 1 | 2 | 0.400 ± 0.000 | 0.400 ± 0.000 (0.5) | 0.400 ± 0.000 (0.5) |" in unknown
    assert "AVAE above PCA in 0 of 2 cells" in unknown


def test_summary_of_a_benchmark_that_has_only_begun(runs: dict[Run, Score]) -> None:
    begun = {run: score for run, score in runs.items() if run.method == "pca" and run.partition == 0}
    assert "| 0.5 | 2 | 9.00 |  |  |" in summary(begun)
    assert "nan" not in summary(begun)


def test_panels_show_mean_and_deviation_of_each_line(runs: dict[Run, Score]) -> None:
    figure = Figure()
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    draw_against_noise([panel], over_partitions(runs, "mse"))
    lines = dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    networks = [f"{name}, β = {beta}" for name in ("published network", "AVAE") for beta in ("0", "0.5", "1")]
    assert list(lines) == ["PCA", *networks]
    line, _, (bars,) = lines["PCA"]
    np.testing.assert_allclose(line.get_xydata()[:, 1], [0.010, 0.004])
    np.testing.assert_allclose(line.get_xydata()[:, 0], [0.5, 1.0], atol=0.1)
    np.testing.assert_allclose(np.array(bars.get_segments())[:, :, 1], [[0.009, 0.011], [0.003, 0.005]])
    assert len({line.get_color() for line, _, _ in lines.values()}) == 7
