"""Long comparisons that may be interrupted: every measurement is a line of a file, and none is made twice."""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import napari_calcdyn

Row = dict[str, object]


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def measure_all(
    file: Path, tasks: list[Row], measure: Callable[[Row], Row], *, code: str, jobs: int
) -> list[Row]:
    """Measure what is not in the file yet, and return one row per task.

    Parameters
    ----------
    file : Path
        JSON lines; rows of other code or other tasks stay in it and are not used.
    tasks : list of dict
        What to measure; a row is its task, the code and the result.
    measure : callable
        Takes a task, returns the result; defined at the top of a module, so that processes find it.
    code : str
        What `fingerprint` says of the code that is measured, for tasks that do not say it themselves.
    jobs : int
        Processes, of one thread each: threads that wait for each other on a busy machine cost seven times.
    """
    tasks = [{"code": code} | task for task in tasks]
    done = {_key(task): row for row in _read(file) for task in tasks if task.items() <= row.items()}
    missing = [task for task in tasks if _key(task) not in done]
    print(f"{len(done)} of {len(tasks)} are in {file}, {len(missing)} to measure", flush=True)
    spawn = multiprocessing.get_context("spawn")  # a fork after numba or torch started threads may hang
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_use_one_thread) as pool:
        running = {pool.submit(measure, task): task for task in missing}
        try:
            for future in as_completed(running):
                task = running[future]
                row = task | future.result()
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(row) + "\n")
                done[_key(task)] = row
                said = ", ".join(f"{name} {value}" for name, value in task.items() if name != "code")
                print(f"[{len(done)}/{len(tasks)}] {said}", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[_key(task)] for task in tasks]


def movie_options(description: str | None) -> tuple[argparse.Namespace, range, str]:
    """Read the options of a benchmark on simulated movies; return them, the seeds, and the flags that repeat it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="one movie")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=CORES, help="processes, of one thread each")
    options = parser.parse_args()
    first: int = options.first_seed
    seeds = range(first, first + (1 if options.quick else options.seeds))
    flags = " --quick" if options.quick else f" --seeds {len(seeds)}"
    return options, seeds, flags + (f" --first-seed {first}" if first else "")


def fingerprint(*places: str) -> str:
    """Name the code of some folders and files of the package; comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    root = Path(napari_calcdyn.__file__).parent
    for path in sorted({path for place in places for path in [root / place, *(root / place).rglob("*.py")]}):
        if path.is_dir():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                body[:] = [statement for statement in body if not _is_docstring(statement)]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:10]


def mean_sd(values: Iterable[object], places: int | None = None) -> str:
    """Mean ± standard deviation (n − 1), to some decimal places; as many as three digits need by default."""
    numbers = [float(value) for value in values]  # type: ignore[arg-type]
    mean = sum(numbers) / len(numbers)
    variance = sum((number - mean) ** 2 for number in numbers) / max(1, len(numbers) - 1)
    sd = variance**0.5
    if places is None:
        places = max(1, 3 - len(str(int(abs(mean))))) if abs(mean) >= 1 else 3
    return f"{mean:,.{places}f} ± {sd:,.{places}f}"


def _is_docstring(node: object) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _key(task: Row) -> str:
    return json.dumps(task, sort_keys=True)


def _read(file: Path) -> list[Row]:
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _use_one_thread() -> None:
    import torch

    torch.set_num_threads(1)
