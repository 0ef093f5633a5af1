"""The page of recipes: every block is run as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from commands import calcdyn

PAGE = Path(__file__).parents[1] / "docs" / "recipes.md"
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


def test_every_recipe_runs(tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    formats = data_folder / "formats"
    shutil.copytree(formats / "suite2p_1_1", tmp_path / "suite2p")
    shutil.copy(formats / "caiman" / "caiman_analysis.hdf5", tmp_path / "caiman.hdf5")
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    for kind, block in BLOCKS:
        if kind == "bash":
            for line in block.strip().splitlines():
                command, *words = shlex.split(line)
                more = (
                    ["--preset", "quick", "--device", "cpu", "--epochs", 2] if words[0] == "neurons" else []
                )
                assert command == "pip" or calcdyn(monkeypatch, *words, *more) == 0, line
        elif "pynapple" in block:
            continue  # not among the packages of the tests; see the page of formats for the version it was tried with
        else:
            exec(block, known)
    cells, good, ain = known["cells"], known["good"], known["Ain"]
    stat = np.load("stat_for_suite2p.npy", allow_pickle=True)  # ours
    assert [len(it["ypix"]) for it in stat] == np.diff(cells.footprints.indptr).tolist()  # type: ignore[attr-defined]
    height, width = good.frame_shape  # type: ignore[attr-defined]
    first = np.asarray(ain[:, 0].todense()).reshape(width, height).T  # type: ignore[index]
    np.testing.assert_allclose(first, good.footprints[[0]].toarray().reshape(height, width))  # type: ignore[attr-defined]
    np.testing.assert_allclose(known["again"].values, known["traces"].values)  # type: ignore[attr-defined]
    assert known["again"].frame_rate == pytest.approx(15)  # type: ignore[attr-defined]
    np.testing.assert_allclose(known["from_excel"].values, known["traces"].values, rtol=1e-5)  # type: ignore[attr-defined]
