"""Compiled kernels over chunks of targets, in a small pool of threads.

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
import torch


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="compiled")


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
