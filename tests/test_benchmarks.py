"""The benchmark for graphics cards, in its quick form: so that it is ready when there is such a device."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_calcdyn.models.lasso import batched

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


# Some 20 s: it trains both models, several times.
def test_gpu_benchmark_passes_and_measures_everything(tmp_path: Path) -> None:
    for script in BENCHMARKS.glob("*.py"):
        shutil.copy(script, tmp_path)
    command = [sys.executable, str(tmp_path / "gpu.py"), "--quick"]
    environment = os.environ | {"PYTHONUTF8": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=250
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.splitlines()[-1].startswith("PASS: 24 of 24 ")

    files = (tmp_path / "results").glob("*_quick.json")
    tables = {
        it.stem.removesuffix("_quick"): json.loads(it.read_text(encoding="utf-8"))["rows"] for it in files
    }
    options = tables.pop("gpu_options")  # some of which only a CUDA device has
    assert [row["option"] for row in options if "ms" in row][:3] == [
        "plain",
        "bfloat16 products",
        "frames in bfloat16",
    ]
    assert [row for rows in tables.values() for row in rows if "not measured" in row] == []
    assert all(0 <= row["difference"] <= row["limit"] for row in tables["gpu_checks"])
    two_stage, end_to_end = tables["gpu"]
    assert "lasso %" not in two_stage
    assert end_to_end["lasso %"] < 100  # a difference of two times, which may be below 0 on a busy machine
    assert end_to_end["frames per second"] == pytest.approx(8 * 24 * 1e3 / end_to_end["step ms"])
    asked = {row["training"].rpartition(", ")[2]: row["numbers asked for"] for row in tables["gpu_waits"]}
    assert asked["two-stage"] == asked["AVAE"] == 0 < asked["end-to-end"]
    assert len(tables["gpu_avae_scores"]) == 2 * (1 + torch.cuda.is_available())
    assert "| mse " in (tmp_path / "results" / "gpu_avae_scores_quick.md").read_text(encoding="utf-8")


def test_gpu_benchmark_sees_a_solver_that_is_a_little_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    checks = importlib.import_module("gpu_checks")
    assert all(row["passed"] for row in checks.lasso("cpu"))
    solve = batched.solve

    def wrong(*problem: Any) -> Any:
        coefficients, active, missed = solve(*problem)
        return 1.001 * coefficients, active, missed

    monkeypatch.setattr(batched, "solve", wrong)
    assert not any(row["passed"] for row in checks.lasso("cpu"))
