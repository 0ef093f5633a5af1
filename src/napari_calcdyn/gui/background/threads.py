"""How many threads a computation takes while somebody works in the window."""

from __future__ import annotations

import os


def leave_a_core() -> None:
    """Let torch use all cores but one; call it in the thread that computes, as the number belongs to it.

    With as many threads as cores, every frame that the window draws takes a core from one of them, and the
    others wait. Threads of torch sleep meanwhile if this package loaded it (see `models`); where another
    plugin did, they spin: measured on 2 cores beside other work, a training step then took 1 s with two threads
    and 0.035 s with one.
    """
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(max(1, cores - 1))
