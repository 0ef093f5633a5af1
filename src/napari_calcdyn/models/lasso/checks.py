"""What the lasso accepts: every check in one place, with one look at the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from napari_calcdyn.recording import InputError

from .local import Gram, LocalGram, parts


@dataclass(frozen=True)
class Problem:
    """A checked problem.

    Attributes
    ----------
    gram : Tensor (p, p) or LocalGram
    cov : Tensor (p, m)
    weights : Tensor (p, m)
        Penalty weights; infinite where a variable is kept out (constant column, twin of another one).
    unpenalised : bool
        True where some weight is zero.
    """

    gram: Gram
    cov: Tensor
    weights: Tensor
    unpenalised: bool


def check_problem(gram: Gram, cov: Tensor, weights: Tensor | None) -> Problem:
    """Check Gram matrices, covariances and weights, and keep constant columns and twins out.

    Raises
    ------
    InputError
        Names the argument, what was found and what is expected.
    """
    _check_tensor("gram", parts(gram)[0], gram)
    if isinstance(gram, LocalGram):
        _check_places(gram)
    elif gram.ndim != 2 or gram.shape[0] != gram.shape[1] or gram.shape[0] == 0:
        raise InputError(f"gram must have shape (p, p) with p >= 1; it has {tuple(gram.shape)}.")
    p = gram.shape[0]
    _check_tensor("cov", cov, gram)
    if isinstance(gram, LocalGram) and tuple(cov.shape) != (p, gram.targets):
        raise InputError(f"cov must have shape (p, m) = ({p}, {gram.targets}); it has {tuple(cov.shape)}.")
    if cov.ndim != 2 or cov.shape[0] != p or cov.shape[1] == 0:
        raise InputError(f"cov must have shape (p, m) = ({p}, m) with m >= 1; it has {tuple(cov.shape)}.")
    m = cov.shape[1]
    if weights is not None:
        _check_tensor("weights", weights, gram)
        if tuple(weights.shape) not in {(p,), (p, m)}:
            raise InputError(
                f"weights must have shape (p,) = ({p},) or (p, m) = ({p}, {m}); it has"
                f" {tuple(weights.shape)}."
            )
        weights = weights.detach()
    gram_values, cov_values = gram.detach(), cov.detach()
    diagonal = gram_values.diagonal()
    eps = torch.finfo(gram.dtype).eps
    largest = diagonal.amax().clamp_min(torch.finfo(gram.dtype).tiny)
    usable = diagonal > 16 * eps**2 * largest
    sound, twins = _look_at(gram_values, diagonal, largest)
    flags = [
        sound,
        cov_values.abs().amax() < torch.inf,
        (diagonal >= 0).all(),
        usable.all(),
        twins.none,
    ]
    if weights is not None:
        lightest, heaviest = weights.aminmax()
        flags += [(lightest >= 0) & ~heaviest.isnan(), lightest > 0]
    # One transfer for all of them: on a GPU each separate look would wait for the device.
    symmetric, finite_cov, positive, no_constants, no_twins, *rest = torch.stack(flags).tolist()
    if not symmetric and not bool(parts(gram_values)[0].isfinite().all()):
        raise InputError("gram holds NaN or infinite values; remove the samples they come from.")
    if not finite_cov:
        raise InputError("cov holds NaN or infinite values; remove the samples they come from.")
    if not symmetric:
        raise InputError("gram is not symmetric; compute it as Z'Z/n, or pass (gram + gram.T)/2.")
    if not positive:
        raise InputError(
            "gram has a negative diagonal entry and cannot be a Gram matrix; compute it as Z'Z/n."
        )
    if rest and not rest[0]:
        raise InputError(
            "weights must not be negative or NaN; use 0 for an unpenalised variable and inf for one that is left out."
        )
    if weights is None:
        full = torch.ones((), dtype=gram.dtype, device=gram.device).expand(p, m)
    else:
        full = (weights[:, None] if weights.ndim == 1 else weights).expand(p, m)
    if not no_constants:
        full = full.masked_fill(~usable.view(p, -1), torch.inf)
    if not no_twins:
        full = full.masked_fill(_losing_twins(twins.leader().view(p, -1).expand(p, m), full), torch.inf)
    return Problem(gram, cov, full, bool(rest) and not rest[1])


def check_penalty(penalty: Tensor | float, problem: Problem) -> Tensor:
    """Return the penalties as a (m,) tensor.

    Raises
    ------
    InputError
        Where they are not finite, negative, or of another shape.
    """
    gram, m = problem.gram, problem.cov.shape[1]
    if isinstance(penalty, Tensor):
        _check_tensor("penalty", penalty, gram)
    else:
        penalty = torch.tensor(float(penalty), dtype=gram.dtype, device=gram.device)
    if tuple(penalty.shape) not in {(), (1,), (m,)}:
        raise InputError(
            f"penalty must be a number or of shape (m,) = ({m},); it has {tuple(penalty.shape)}."
        )
    values = penalty.detach()
    if not bool((values.isfinite() & (values >= 0)).all()):
        raise InputError("penalty must be finite and not negative; use 0 for least squares.")
    return penalty.expand(m)


def check_warm_start(warm_start: Tensor | None, problem: Problem) -> Tensor | None:
    """Check a starting point; values that are not finite are replaced by zero.

    Raises
    ------
    InputError
        Where its shape, dtype or device is another one.
    """
    if warm_start is None:
        return None
    _check_tensor("warm_start", warm_start, problem.gram)
    if warm_start.shape != problem.cov.shape:
        raise InputError(
            f"warm_start must have the shape of cov, {tuple(problem.cov.shape)}; it has"
            f" {tuple(warm_start.shape)}."
        )
    return warm_start.detach().nan_to_num(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class _Twins:
    """Equal (or opposite) columns: whether there are none, and the first one equal to each, (p,) or (p, m)."""

    none: Tensor
    leader: Callable[[], Tensor]


def _look_at(gram: Gram, diagonal: Tensor, largest: Tensor) -> tuple[Tensor, _Twins]:
    """Tell whether a Gram matrix is finite and symmetric, and which of its columns are equal."""
    eps = torch.finfo(gram.dtype).eps
    index = torch.arange(len(diagonal), device=gram.device)
    if isinstance(gram, LocalGram):  # symmetric by what it is
        from .cpu import leaders

        leader = leaders(gram, 1 - 64 * eps)
        return gram.table.abs().amax() < torch.inf, _Twins((leader == index[:, None]).all(), lambda: leader)
    twin = gram.abs() >= (1 - 64 * eps) * torch.maximum(diagonal[:, None], diagonal)
    twin &= diagonal > 0
    sound = (gram - gram.t()).abs().amax() <= 1e3 * eps * largest  # false for NaN and inf too
    last = len(index) - 1
    return sound, _Twins(
        twin.sum() <= len(index), lambda: torch.where(twin, index, last + 1).amin(dim=1).clamp_max(last)
    )


def _losing_twins(leader: Tensor, weights: Tensor) -> Tensor:
    """Mark, per target, all but one of each set of equal (or opposite) columns.

    The one with the smallest weight stays, the first of them where weights are equal.
    """
    p = len(weights)
    index = torch.arange(p, device=weights.device)[:, None]
    lightest = torch.full_like(weights, torch.inf).scatter_reduce(0, leader, weights, "amin")
    candidate = torch.where(weights <= lightest.gather(0, leader), index, p)
    winner = torch.full_like(leader, p).scatter_reduce(0, leader, candidate, "amin")
    return winner.gather(0, leader) != index


def _check_places(gram: LocalGram) -> None:
    table, pairs = gram.table, gram.pairs
    if table.ndim != 4 or table.shape[0] != table.shape[1] or table.shape[2] != len(pairs) or not len(gram):
        raise InputError(
            f"The table of gram must have shape (p, p, d, M) with d = {len(pairs)}; it has {tuple(table.shape)}."
        )
    if pairs.dtype != torch.int32 or int(pairs.amax()) >= table.shape[2:].numel():
        raise InputError("The pairs of gram must be int32 and places in its table.")


def _check_tensor(name: str, tensor: Tensor, gram: Gram) -> None:
    if not isinstance(tensor, Tensor):
        raise InputError(f"{name} must be a torch tensor; it is {type(tensor).__name__}.")
    if tensor.dtype not in (torch.float32, torch.float64):
        raise InputError(f"{name} must be float32 or float64; it is {tensor.dtype}.")
    if tensor.dtype != gram.dtype or tensor.device != gram.device:
        raise InputError(
            f"{name} must have the dtype and device of gram ({gram.dtype} on {gram.device});"
            f" it is {tensor.dtype} on {tensor.device}."
        )
