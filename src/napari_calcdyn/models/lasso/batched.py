"""Lasso in batched torch operations over all targets at once: the solver for CUDA.

Accelerated proximal gradient (one product with the shared Gram matrix per step) finds the signs; a batched
Cholesky solve on the active sets then gives the exact solution, as on the CPU. The device is waited for once
per round, never per step. Works in the precision of its input.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ROUNDS = 40
_STEPS = 50  # proximal steps of the first round; later rounds take more
_DESCENTS = 8  # exact solves per round, each of which may drop a coefficient
_CHUNK_BYTES = 128 * 2**20


def solve(
    gram: Tensor, cov: Tensor, threshold: Tensor, start: Tensor | None, rounds: int = _ROUNDS
) -> tuple[Tensor, Tensor, int]:
    """Minimise ``½ aᵀGa − cᵀa + Σ_k threshold_k |a_k|`` for every column of ``cov``.

    Parameters, returned values and their shapes are those of the solver for the CPU.
    """
    gram, cov = gram.detach(), cov.detach()
    eps = torch.finfo(gram.dtype).eps
    usable = threshold != torch.inf
    free = usable & (threshold == 0)
    a = torch.zeros_like(cov) if start is None else torch.where(usable, start, 0.0)
    active = torch.zeros_like(usable)
    step = 1 / spectral_bound(gram)
    scale = torch.where(usable, cov.abs(), 0.0).amax(dim=0)
    todo = torch.arange(cov.shape[1], device=cov.device)
    for turn in range(rounds):
        c, t, x, can = cov[:, todo], threshold[:, todo], a[:, todo], usable[:, todo]
        if start is None or turn > 0:
            x = _proximal(gram, c, t, x, can, step, _STEPS * min(turn + 1, 10))
        x, inside = _descend(gram, c, t, x, free[:, todo])
        gradient = c - gram @ x
        rounding = eps * (x.abs() * gram.diagonal()[:, None]).sum(dim=0)
        slack = torch.maximum(128 * eps * scale[todo], 4 * rounding)
        off = (gradient - torch.where(inside, t * x.sign(), gradient.clamp(-t, t))).abs()
        # Excluded variables have no condition to meet.
        solved = (torch.where(can, off, 0.0) <= slack).all(dim=0)
        a[:, todo], active[:, todo] = x, inside
        todo = todo[~solved]
        if todo.numel() == 0:
            break
    return a, active, int(todo.numel())


def solve_on_support(gram: Tensor, right: Tensor, active: Tensor) -> Tensor:
    """``x[S, j] = gram[S, S]⁻¹ right[S, j]`` with S the non-zeros of ``active[:, j]``, zero elsewhere.

    Active sets are padded to the largest of a chunk with rows of the identity. A set that is singular to
    working precision gets a relative jitter on its diagonal.
    """
    gram, right = gram.detach(), right.detach()
    m = right.shape[1]
    x = torch.zeros_like(right)
    sizes = active.sum(dim=0)
    # By size, so that a chunk is padded little; a chunk is as wide as its memory allows.
    order = sizes.argsort(descending=True)
    widths = sizes[order].tolist()
    begin = 0
    while begin < m and widths[begin] > 0:
        width = widths[begin]
        end = min(m, begin + max(1, _CHUNK_BYTES // (3 * width * width * gram.element_size())))
        targets = order[begin:end]
        # Active indices first, in order of variables.
        index = active[:, targets].t().to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :width]
        filled = torch.arange(width, device=gram.device) < sizes[targets, None]
        block = gram[index[:, :, None], index[:, None, :]]
        block *= filled[:, :, None] & filled[:, None, :]
        block.diagonal(dim1=1, dim2=2).add_(~filled)
        rhs = torch.where(filled, right.t()[targets[:, None], index], 0.0)
        part = _cholesky_solve(block, rhs)
        x.index_put_((index, targets[:, None].expand_as(index)), torch.where(filled, part, 0.0))
        begin = end
    return x


def spectral_bound(gram: Tensor) -> Tensor:
    """Upper bound of the largest eigenvalue, at most p^(1/64) above it: ``‖G³²‖_F^(1/32)``, scaled."""
    bound = torch.ones((), dtype=gram.dtype, device=gram.device)
    power = gram
    exponent = 1.0
    for _ in range(6):
        norm = torch.linalg.matrix_norm(power).clamp_min(torch.finfo(gram.dtype).tiny)
        bound = bound * norm**exponent
        power = power / norm
        power = power @ power
        exponent /= 2
    return bound


def _cholesky_solve(block: Tensor, rhs: Tensor) -> Tensor:
    factor, info = torch.linalg.cholesky_ex(block)
    # Pivots at rounding level are as bad as negative ones.
    eps = 64 * torch.finfo(block.dtype).eps
    diagonal = block.diagonal(dim1=1, dim2=2)
    poor = (info > 0) | (factor.diagonal(dim1=1, dim2=2).square() <= eps * diagonal).any(dim=1)
    jitter = torch.where(poor[:, None], block.shape[1] * eps * diagonal, 0.0)
    factor, info = torch.linalg.cholesky_ex(block + torch.diag_embed(jitter))
    solved = torch.cholesky_solve(rhs[:, :, None], factor)[:, :, 0]
    return torch.where((info > 0)[:, None], 0.0, solved)


def _proximal(
    gram: Tensor, cov: Tensor, threshold: Tensor, a: Tensor, usable: Tensor, step: Tensor, steps: int
) -> Tensor:
    """Accelerated proximal gradient with restarts (Beck & Teboulle 2009; O'Donoghue & Candès 2015)."""
    shrink = step * torch.where(usable, threshold, 0.0)
    ahead = a
    pace = torch.ones(a.shape[1], dtype=a.dtype, device=a.device)
    for _ in range(steps):
        z = ahead + step * (cov - gram @ ahead)
        new = torch.where(usable, z - z.clamp(-shrink, shrink), 0.0)
        # A target whose momentum points uphill starts anew.
        uphill = ((ahead - new) * (new - a)).sum(dim=0) > 0
        pace = torch.where(uphill, 1.0, pace)
        faster = (1 + (1 + 4 * pace.square()).sqrt()) / 2
        ahead = new + (pace - 1) / faster * (new - a)
        a, pace = new, faster
    return a


def _descend(gram: Tensor, cov: Tensor, threshold: Tensor, a: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
    """Solve exactly on the non-zeros; where signs would flip, go to the first flip and drop that one."""
    inside = (a != 0) | free
    eps, diagonal = torch.finfo(gram.dtype).eps, gram.diagonal()[:, None]
    for _ in range(_DESCENTS):
        pull = torch.where(inside, threshold * a.sign(), 0.0)
        target = solve_on_support(gram, cov - pull, inside)
        # What moves its own gradient by rounding only is a zero, too.
        small = 4 * eps * (cov.abs() + threshold)
        flips = inside & ~free & (target * a.sign() * diagonal <= small)
        crossing = flips & (target * a < 0)
        reach = torch.where(crossing, a / torch.where(crossing, a - target, 1.0), 1.0)
        reach = torch.where(flips, reach, torch.inf)
        length = reach.amin(dim=0).clamp_max(1.0)
        a = torch.where(inside, torch.lerp(a, target, length.expand_as(a)), 0.0)
        gone = flips & (reach <= length)
        a = torch.where(gone, 0.0, a)
        inside &= ~gone
        if not bool(flips.any()):
            break
    return a, inside
