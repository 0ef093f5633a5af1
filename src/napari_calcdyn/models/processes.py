"""Several processes that train one model together, each on a part of the time.

All draw the same stretches. Each encodes those that begin in its share of the frames; the latents of all are gathered,
so that every process has the moments, the lasso and the loss of all, and its own latents carry the gradient. The
gradients of the weights are added up. Without `together`, a process is alone, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_calcdyn.recording import InputError

T = TypeVar("T")
_PATIENCE = timedelta(days=7)  # if one process ends with an error, torchrun ends all others


@contextmanager
def together(device: str = "auto") -> Iterator[None]:
    """Work with the other processes that ``torchrun`` started, within a ``with`` block.

    Parameters
    ----------
    device : str
        Where they train: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Yields
    ------
    None
        Once. Started in another way, or as the only one, the process stays alone.

    Raises
    ------
    InputError
        If there are more processes than graphics cards to train on.
    """
    alone = int(os.environ.get("WORLD_SIZE", "1")) < 2
    if alone or count() > 1:  # within such a block, there is nothing to do
        yield
        return
    backend = "gloo"
    if device in ("auto", "cuda") and torch.cuda.is_available():
        here, cards = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
        if here > cards:
            raise InputError(
                f"{here} processes were started here, and there are fewer graphics cards ({cards}): start at most one"
                " process for each graphics card, or choose the device cpu."
            )
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % cards)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def count() -> int:
    """Return the number of processes that work together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process; 0 writes the results and reports."""
    return dist.get_rank() if count() > 1 else 0


def shares(length: int) -> list[range]:
    """Cut frames 0 … `length` − 1 into one stretch of nearly equal length for each process."""
    edges = [it * length // count() for it in range(count() + 1)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def share(length: int) -> range:
    """Return the stretch of this process."""
    return shares(length)[rank()]


def owners(starts: Sequence[int], length: int) -> list[int]:
    """Return which process has each of these frames in its share."""
    edges = [it.stop for it in shares(length)]
    return [int(it) for it in np.searchsorted(edges, starts, side="right")]


def agreed(find: Callable[[], T]) -> T:
    """Return what the first process finds, in all of them; it alone looks for it."""
    if count() == 1:
        return find()
    found: list[Any] = [find() if rank() == 0 else None]
    dist.broadcast_object_list(found)
    return found[0]  # type: ignore[no-any-return]


def summed(value: Tensor) -> Tensor:
    """Return the sum of a value of all processes, without gradient."""
    total = value.detach().clone()
    if count() > 1:
        dist.all_reduce(total)
    return total


def gathered(mine: Tensor, owner: Sequence[int]) -> Tensor:
    """Gather rows of all processes; only those of this one carry a gradient.

    Parameters
    ----------
    mine : Tensor (n, …)
        The rows of this process, in order.
    owner : sequence of int
        Which process each of the N rows belongs to.

    Returns
    -------
    Tensor (N, …)
        All rows.
    """
    if count() == 1:
        return mine
    numbers = [[row for row, whose in enumerate(owner) if whose == it] for it in range(count())]
    room = mine.new_zeros(max(map(len, numbers)), *mine.shape[1:])
    room[: len(mine)] = mine.detach()
    rooms = [torch.empty_like(room) for _ in numbers]
    dist.all_gather(rooms, room)
    parts = [it[: len(rows)] for it, rows in zip(rooms, numbers, strict=True)]
    parts[rank()] = mine
    order = torch.tensor([row for rows in numbers for row in rows], device=mine.device)
    return torch.cat(parts)[order.argsort()]


def all_rows(mine: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Put together the rows (n, d) that the processes have of their `share` of (`length`, d)."""
    if count() == 1:
        return mine
    owner = owners(range(length), length)
    return gathered(torch.from_numpy(mine), owner).numpy()


def sum_gradients(module: nn.Module) -> None:
    """Add up the gradients of all processes, in each of them."""
    if count() == 1:
        return
    weights = [it for it in module.parameters() if it.requires_grad]
    gradients = [torch.zeros_like(it) if it.grad is None else it.grad for it in weights]
    total = torch.cat([it.flatten() for it in gradients])
    dist.all_reduce(total)
    for weight, part in zip(weights, torch.split(total, [it.numel() for it in weights]), strict=True):
        weight.grad = part.view_as(weight)


def share_weights(module: nn.Module) -> None:
    """Give all processes the weights of the first one."""
    if count() > 1:
        for values in module.state_dict().values():
            dist.broadcast(values, 0)
