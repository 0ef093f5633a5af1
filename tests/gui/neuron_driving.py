"""What the tests of the Neurons dock do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.gui.neurons.dock import NeuronsDock

LONG = 100_000


def settle(qtbot: Any, neurons: NeuronsDock, timeout: int = 60_000) -> None:
    qtbot.waitUntil(lambda: neurons.session.work.job is None, timeout=timeout)


def choose_rois(qtbot: Any, neurons: NeuronsDock, name: str) -> None:
    choice = neurons.inputs.choice
    choice.setCurrentText(name)
    choice.activated.emit(choice.currentIndex())
    settle(qtbot, neurons)


def extract(qtbot: Any, neurons: NeuronsDock) -> None:
    neurons.inputs.extract.click()
    settle(qtbot, neurons)


def open_path(qtbot: Any, neurons: NeuronsDock, path: Path) -> None:
    neurons.inputs.open(path)
    settle(qtbot, neurons)


def is_one_sentence(neurons: NeuronsDock, *words: str) -> None:
    """Whether the dock shows an error of one sentence, with these words in it."""
    text = neurons.message.text()
    notice = neurons.session.work.notice
    assert notice is not None
    assert notice.is_error
    assert not neurons.message.isHidden()
    for word in words:
        assert word in text, text
    assert text.endswith(".")
    assert text.count(". ") == 0


def write_suite2p(folder: Path, labels: np.ndarray, traces: np.ndarray) -> Path:
    """Write what suite2p would, every second ROI a cell; returns the folder of the plane."""
    plane = folder / "suite2p" / "plane0"
    plane.mkdir(parents=True)
    stat = np.empty(len(traces), object)
    for position, number in enumerate(np.unique(labels)[1:]):
        y, x = np.nonzero(labels == number)
        stat[position] = {"ypix": y, "xpix": x, "lam": np.ones(len(y), np.float32)}
    np.save(plane / "stat.npy", stat)
    np.save(plane / "F.npy", traces)
    np.save(plane / "Fneu.npy", np.full_like(traces, 10.0))
    np.save(plane / "iscell.npy", np.stack([np.arange(len(traces)) % 2, np.full(len(traces), 0.5)], axis=1))
    ops = {"Ly": labels.shape[0], "Lx": labels.shape[1], "fs": 12.5}
    np.save(plane / "ops.npy", np.array(ops, object))
    return plane
