"""The lasso layer: speed beside scikit-learn, gradients, warm starts, memory at 1024 latents, 4096 with neighbours.

All solvers see the same problem in the same run: p = 128 predictors and m = 64 targets from n = 2000 samples
of AR(0.9) columns, targets one step ahead, float64, the penalty a fraction of each target's λ_max. Every peer
is called per target, as it is made; its accuracy stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from report import save
from torch import Tensor

from napari_calcdyn.models.lasso import batched as _lasso_batched
from napari_calcdyn.models.lasso import lambda_max, lasso_path, solve_lasso

ACCURACY = 1e-9  # optimality residual relative to λ_max that all solvers have to meet
Row = dict[str, object]


def ar_moments(n: int, p: int, m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Standardised AR(0.9) columns (n, p), and the first m of them one step later."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n + 1, p))
    for t in range(1, n + 1):
        x[t] = 0.9 * x[t - 1] + np.sqrt(1 - 0.81) * x[t]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x[:-1], x[1:, :m]


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """Median time of a call after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def residual(gram: np.ndarray, cov: np.ndarray, a: np.ndarray, lam: np.ndarray) -> float:
    """Largest violation of the optimality conditions, relative to each target's λ_max."""
    gradient = cov - gram @ a
    off = np.where(a != 0, abs(gradient - lam * np.sign(a)), np.maximum(abs(gradient) - lam, 0))
    return float((off.max(axis=0) / abs(cov).max(axis=0)).max())


def peers(z: np.ndarray, y: np.ndarray, lam: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """scikit-learn's two Gram solvers, as loops over targets that return (p, m) coefficients."""
    from sklearn.linear_model import _cd_fast, lars_path_gram

    n = len(z)
    gram, cov = np.ascontiguousarray(z.T @ z), z.T @ y
    rng = np.random.RandomState(0)

    def lars() -> np.ndarray:
        return np.stack(
            [
                lars_path_gram(
                    c, gram, n_samples=n, alpha_min=alpha, method="lasso", return_path=False, max_iter=5000
                )[2]
                for c, alpha in zip(cov.T, lam, strict=True)
            ],
            axis=1,
        )

    def descent(tolerance: float) -> np.ndarray:
        solutions = []
        for c, target, alpha in zip(cov.T.copy(), y.T.copy(), lam, strict=True):
            w = np.zeros(len(c))
            _cd_fast.enet_coordinate_descent_gram(
                w, n * alpha, 0.0, gram, c, target, 100_000, tolerance, rng, False, False, True
            )
            solutions.append(w)
        return np.stack(solutions, axis=1)

    for tolerance in 10.0 ** -np.arange(4, 25):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if residual(gram / n, cov / n, descent(tolerance), lam) <= ACCURACY:
                break
    return {
        "scikit-learn lars_path_gram, loop": lars,
        f"scikit-learn enet_coordinate_descent_gram, tol {tolerance:.0e}, loop": lambda: descent(tolerance),
    }


def speed(fraction: float, repeats: int) -> list[Row]:
    """All solvers at one fraction of λ_max."""
    z, y = ar_moments(2000, 128, 64)
    gram, cov = torch.from_numpy(z.T @ z / len(z)), torch.from_numpy(z.T @ y / len(z))
    lam = fraction * lambda_max(gram, cov)
    moved = z @ (np.eye(128) + 0.003 * np.random.default_rng(1).standard_normal((128, 128)) / np.sqrt(128))
    gram_next, cov_next = torch.from_numpy(moved.T @ moved / len(z)), torch.from_numpy(moved.T @ y / len(z))
    before = solve_lasso(gram, cov, lam)
    tracked = gram.clone().requires_grad_()
    tracked_cov = cov.clone().requires_grad_()

    def forward_backward() -> None:
        solve_lasso(tracked, tracked_cov, lam).square().sum().backward()

    def batched() -> Tensor:
        return _lasso_batched.solve(gram, cov, lam.expand_as(cov), None)[0]

    calls: dict[str, Callable[[], object]] = {
        **peers(z, y, lam.numpy()),
        "solve_lasso": lambda: solve_lasso(gram, cov, lam),
        "solve_lasso forward + backward": forward_backward,
        "solve_lasso after a small training step, cold": lambda: solve_lasso(gram_next, cov_next, lam),
        "solve_lasso after a small training step, warm": lambda: solve_lasso(
            gram_next, cov_next, lam, warm_start=before
        ),
        "batched solver for CUDA, run on the CPU": batched,
        "lasso_path, all knots to λ = 0": lambda: lasso_path(gram, cov),
    }
    rows: list[Row] = []
    for name, call in calls.items():
        first = call()
        accuracy: object = ""
        if isinstance(first, np.ndarray | Tensor):
            used = (gram_next, cov_next) if "training step" in name else (gram, cov)
            accuracy = residual(used[0].numpy(), used[1].numpy(), np.asarray(first), lam.numpy())
        took = milliseconds(call, repeats if "scikit" in name else 5 * repeats)
        rows.append({"λ / λ_max": fraction, "solver": name, "ms": took, "residual / λ_max": accuracy})
    lars, descent = float(rows[0]["ms"]), float(rows[1]["ms"])  # type: ignore[arg-type]
    for row in rows:
        if "path, all" not in str(row["solver"]):
            row["faster than LARS"] = lars / float(row["ms"])  # type: ignore[arg-type]
            row["faster than descent"] = descent / float(row["ms"])  # type: ignore[arg-type]
    rows[0]["non-zeros per target"] = float((before != 0).sum(dim=0).double().mean())
    return rows


def large(moments: str, fraction: float, dtype: str) -> Row:
    """Solve and differentiate a large problem; meant for a fresh process."""
    import resource

    import psutil

    arrays = np.load(moments)
    kind = getattr(torch, dtype)
    gram, cov = (torch.from_numpy(arrays[key]).to(kind) for key in ("gram", "cov"))
    del arrays
    small = gram[:4, :4].clone().requires_grad_()
    solve_lasso(small, cov[:4, :4], 0.1).sum().backward()  # load what is compiled
    gram.requires_grad_()
    cov.requires_grad_()
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    lam = fraction * lambda_max(gram, cov)
    a = solve_lasso(gram, cov, lam)
    solved = time.perf_counter()
    a.square().sum().backward()
    differentiated = time.perf_counter()
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with torch.no_grad():
        warm_start = a + 0.01 * a
        again = time.perf_counter()
        solve_lasso(gram, cov, lam, warm_start=warm_start)
        warm = time.perf_counter() - again
    return {
        "p": gram.shape[0],
        "m": cov.shape[1],
        "dtype": dtype,
        "λ / λ_max": fraction,
        "non-zeros per target": float((a != 0).sum(dim=0).double().mean()),
        "forward s": solved - start,
        "backward s": differentiated - solved,
        "forward s, right signs to start from": warm,
        "peak memory growth MB": (peak - before) / 1e6,
    }


def local(frames: int, dtype: str) -> Row:
    """Solve and differentiate a VAR(2) over the neighbours of 64 × 64 latents; meant for a fresh process."""
    import resource

    import psutil

    from napari_calcdyn.models.var.local_moments import local_moments
    from napari_calcdyn.models.var.neighbours import Neighbourhoods

    grid = torch.cartesian_prod(torch.arange(64), torch.arange(64)).float()
    start = time.perf_counter()
    neighbourhoods = Neighbourhoods.within(grid, 1.0, 3)
    looked_up = time.perf_counter() - start
    rng = np.random.default_rng(0)
    z = np.zeros((8, frames, 64, 64), dtype)
    for t in range(frames):  # each latent is driven by itself, and by the one above it two frames before
        z[:, t] = rng.standard_normal((8, 64, 64))
        if t > 1:
            z[:, t] += 0.5 * z[:, t - 1] + 0.3 * np.roll(z[:, t - 2], 1, axis=1)
    windows = torch.from_numpy(z.reshape(8, frames, -1) / z.std()).requires_grad_()
    del z

    def solved(given: Tensor, neighbours: Neighbourhoods) -> tuple[Row, Tensor, Tensor]:
        begin = time.perf_counter()
        moments = local_moments(given, 2, neighbours)
        summed = time.perf_counter()
        lam = 0.1 * lambda_max(moments.gram, moments.cov)
        a = solve_lasso(moments.gram, moments.cov, lam)
        found = time.perf_counter()
        a.square().sum().backward()
        differentiated = time.perf_counter()
        parts = {"moments s": summed - begin, "solve s": found - summed, "backward s": differentiated - found}
        with torch.no_grad():
            begin = time.perf_counter()
            solve_lasso(moments.gram, moments.cov, lam, warm_start=1.01 * a)
            parts["solve again s"] = time.perf_counter() - begin
            peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            begin = time.perf_counter()
            lasso_path(moments.gram, moments.cov, max_knots=128)
            path = {"path of 128 knots s": time.perf_counter() - begin}
        return {**parts, "peak memory growth MB": (peak - before) / 1e6, **path}, a, moments.cov

    before = psutil.Process().memory_info().rss
    solved(windows[:, :8, :9], Neighbourhoods.within(grid[:9], 1.0, 3))  # load what is compiled
    before = psutil.Process().memory_info().rss
    row, a, cov = solved(windows, neighbourhoods)
    return {
        "samples": 8 * (frames - 2),
        "predictors of a target": len(cov),
        "dtype": dtype,
        "non-zeros per target": float((a != 0).sum(dim=0).double().mean()),
        "neighbours s": looked_up,
        **row,
    }


def compile_seconds() -> float:
    """Import of the kernels with an empty cache, less the same import with a filled one."""
    code = (
        "import time, numba, torch; t = time.perf_counter();"
        "from napari_calcdyn.models.lasso import local_kernels; print(time.perf_counter() - t)"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        empty, filled = (
            float(subprocess.check_output([sys.executable, "-c", code], env=environment)) for _ in range(2)
        )
    return empty - filled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats, one large problem")
    parser.add_argument("--large", nargs=3, metavar=("FILE", "FRACTION", "DTYPE"), help=argparse.SUPPRESS)
    parser.add_argument("--local", nargs=2, metavar=("FRAMES", "DTYPE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    if arguments.local:
        frames, dtype = arguments.local
        print(json.dumps(local(int(frames), dtype)))
        return
    if arguments.large:
        file, fraction, dtype = arguments.large
        print(json.dumps(large(file, float(fraction), dtype)))
        return
    quick: bool = arguments.quick
    suffix, option = ("_quick", " --quick") if quick else ("", "")
    command = f"python benchmarks/lasso.py{option}"
    rows = [row for fraction in (0.1, 0.02) for row in speed(fraction, 3 if quick else 11)]
    save(
        f"lasso_speed{suffix}",
        rows,
        command=command,
        notes=(
            "Medians, two threads. The tolerance of scikit-learn's descent is the loosest power of ten that"
            f" meets a residual of {ACCURACY:.0e} λ_max; LARS stops each target at its penalty. A path to the"
            " end does more than any other line. In the small training step all latents were mixed by 0.3 %."
            " Compiling the"
            f" kernels takes {compile_seconds():.1f} s, once per installation."
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "moments.npz"
        z, y = ar_moments(4000, 1024, 1024)
        np.savez(file, gram=z.T @ z / len(z), cov=z.T @ y / len(z))
        cases = [("0.1", "float64"), ("0.02", "float32"), ("0.02", "float64"), ("0.01", "float64")]
        results = [
            json.loads(
                subprocess.check_output([sys.executable, __file__, "--large", str(file), *case], text=True)
            )
            for case in (cases[:1] if quick else cases)
        ]
    save(
        f"lasso_large{suffix}",
        results,
        command=command,
        notes=(
            "1024 latents, one lag, n = 4000; each line in a fresh process. The growth is the highest memory"
            " of the whole process over what it held before the solve, moments loaded."
        ),
    )
    cases = [("66", "float32"), ("258", "float32"), ("258", "float64")]
    results = [
        json.loads(subprocess.check_output([sys.executable, __file__, "--local", *case], text=True))
        for case in (cases[:1] if quick else cases)
    ]
    save(
        f"lasso_local{suffix}",
        results,
        command=command,
        notes=(
            "4096 latents on a grid of 64 × 64, order 2, the neighbours within three steps of each; 0.1 λ_max, two"
            " threads, each line in a fresh process. Backward goes to the latents; solve contains λ_max. The"
            " growth is the highest memory of the whole process over what it held before, latents and lists of"
            " neighbours loaded. Gram matrix and tables of all latents would take 0.8 GB in double precision."
        ),
    )


if __name__ == "__main__":
    main()
