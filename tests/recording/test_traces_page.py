"""The examples of docs/traces.md run, from the first to the last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
from numpy.typing import NDArray

PAGE = Path(__file__).resolve().parents[2] / "docs" / "traces.md"


def recording(folder: Path) -> None:
    """What the examples open."""
    random = np.random.default_rng(0)
    pixels = random.poisson(200, (120, 60, 70)).astype(np.uint16)
    tifffile.imwrite(folder / "trial.tif", pixels, imagej=True, metadata={"axes": "TYX", "finterval": 0.1})
    square = roifile.ImagejRoi.frompoints(np.array([[20, 10], [27, 10], [27, 18], [20, 18]]))
    roifile.roiwrite(folder / "rois.zip", [square])
    plane = folder / "suite2p" / "plane0"
    plane.mkdir(parents=True)
    stat = [{"ypix": np.arange(5) + k, "xpix": np.arange(5), "lam": np.ones(5)} for k in range(3)]
    np.save(plane / "stat.npy", np.array(stat, object), allow_pickle=True)
    np.save(plane / "ops.npy", np.array({"Ly": 60, "Lx": 70, "fs": 10.0}), allow_pickle=True)
    np.save(plane / "iscell.npy", np.array([[1, 0.9], [0, 0.1], [1, 0.8]]))
    np.save(plane / "F.npy", random.normal(300, 5, (3, 90)))
    np.save(plane / "Fneu.npy", random.normal(100, 5, (3, 90)))
    np.savetxt(folder / "traces.csv", random.normal(300, 5, (3, 90)), delimiter=",")


class Trained:
    """Stands in for an AVAE, which would take more neurons than these."""

    def encode(self, traces: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        latents = np.random.default_rng(1).standard_normal((len(traces), 2)).astype(np.float32)
        return latents, np.ones_like(latents)


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording(tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"model": Trained()}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 7
    for example in examples:
        exec(example, names)
    assert names["cells"].ids.tolist() == [0, 2]
    assert np.array_equal(names["drawn"].labels, names["square"].labels)
    assert np.array_equal(names["drawn"].labels, names["rois"].labels)
    assert names["ready"].frame_rate == names["traces"].frame_rate == 10
    assert names["dff"].unit == "ΔF/F"
    np.testing.assert_allclose(names["back"], names["dff"].values, atol=1e-6)
    assert names["found"].values.shape == names["traces"].values.shape
    assert names["good"].mask.sum() == 117
