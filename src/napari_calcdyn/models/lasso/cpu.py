"""Lasso on the CPU: compiled kernels over chunks of targets, in a small pool of threads.

The kernels release the interpreter lock, and a plain pool may be used from several Python threads at once,
which numba's own thread layer does not promise.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from . import kernels

_Array = npt.NDArray[np.float64]

_SMALL = 2 * 128 * 128 * 64


def collinear_tolerance(dtype: torch.dtype) -> float:
    """Share of a column's variance below which what it adds to the active set is rounding of the input."""
    return 64 * float(torch.finfo(dtype).eps)


def rows(tensor: Tensor) -> _Array:
    """Columns of a (p, m) tensor as the rows of a contiguous float64 array on the CPU."""
    return np.ascontiguousarray(tensor.detach().t().to("cpu", torch.float64).numpy())


def square(gram: Tensor) -> _Array:
    """Return a symmetric matrix as a contiguous float64 array on the CPU; no copy where it is one already."""
    return np.ascontiguousarray(gram.detach().to("cpu", torch.float64).numpy())


def columns(array: npt.NDArray[Any], like: Tensor) -> Tensor:
    """Rows of an array as the columns of a tensor with the dtype and device of ``like``."""
    return torch.from_numpy(array).to(like.device, like.dtype).t().contiguous()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="lasso")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork, the cached pool would wait for ever
    os.register_at_fork(after_in_child=_pool.cache_clear)


def over_targets(kernel: Callable[..., Any], targets: int, *arrays: Any, small: bool = False) -> list[Any]:
    """Run ``kernel(*arrays, start, stop)`` over chunks of targets, in as many threads as torch uses.

    A small problem is done in the caller's thread, before another one has woken up.
    """
    if small:
        return [kernel(*arrays, 0, targets)]
    threads = min(torch.get_num_threads(), targets)
    # A few chunks per thread: targets differ in cost.
    edges = np.linspace(0, targets, min(4 * threads, targets) + 1).astype(int).tolist()
    chunks = deque(itertools.pairwise(edges))
    results: list[Any] = []

    def work() -> None:
        with contextlib.suppress(IndexError):  # until the chunks are used up
            while True:
                results.append(kernel(*arrays, *chunks.popleft()))

    # The caller works too.
    helpers = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():
            helper.result()
    return results


def _is_small(gram: Tensor, cov: Tensor) -> bool:
    """Return whether waking threads takes longer than the solution: measured at 128 predictors of 64 targets."""
    return gram.shape[0] * cov.numel() <= _SMALL


def solve(gram: Tensor, cov: Tensor, threshold: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor, int]:
    """Minimise ``½ aᵀGa − cᵀa + Σ_k threshold_k |a_k|`` for every column of ``cov``.

    Parameters
    ----------
    gram : Tensor (p, p)
    cov : Tensor (p, m)
    threshold : Tensor (p, m)
        Penalty of each coefficient; 0 leaves it unpenalised, infinity keeps it out.
    start : Tensor (p, m) or None
        Where to start.

    Returns
    -------
    solution : Tensor (p, m)
        The coefficients.
    active : Tensor (p, m), bool
        The active sets; never collinear.
    missed : int
        Targets that did not reach the tolerance.
    """
    covariance = rows(cov)
    a = np.zeros_like(covariance) if start is None else rows(start).copy()
    active = np.zeros(covariance.shape, np.bool_)
    collinear = collinear_tolerance(gram.dtype)
    work = (
        kernels.solve_targets,
        a.shape[0],
        square(gram),
        covariance,
        rows(threshold),
        a,
        active,
        collinear,
    )
    missed = sum(over_targets(*work, small=_is_small(gram, cov)))
    return columns(a, cov), torch.from_numpy(active).to(cov.device).t(), missed


def solve_on_support(gram: Tensor, right: Tensor, active: Tensor) -> Tensor:
    """``x[S, j] = gram[S, S]⁻¹ right[S, j]`` with S the non-zeros of ``active[:, j]``, zero elsewhere."""
    rhs = rows(right)
    x = np.zeros_like(rhs)
    sets = np.ascontiguousarray(active.t().cpu().numpy())
    over_targets(
        kernels.solve_supports,
        x.shape[0],
        square(gram),
        rhs,
        sets,
        x,
        collinear_tolerance(gram.dtype),
        small=_is_small(gram, right),
    )
    return columns(x, right)
