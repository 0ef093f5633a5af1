"""The lasso path as an object: a compact store of events, evaluated exactly wherever it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_calcdyn.recording import InputError

from .active_set import on_support
from .checks import Problem, check_penalty
from .products import times_at
from .solve import solve_problem

_LEAVES = 2


class LassoPath:
    """Exact lasso path of every target, from λ_max down.

    Only knots and events are stored, K numbers per target; coefficients are solved for on the active set when
    they are asked for. All of them are differentiable in the `gram` and `cov` the path was computed from.
    Made by `lasso_path`.

    Attributes
    ----------
    knots : Tensor (K, m)
        Penalties at which an active set changes, from λ_max down; the last one is 0 where the path was
        followed to its end. NaN after a target's last knot.
    n_knots : Tensor (m,), int64
        Number of knots of each target.
    """

    def __init__(self, problem: Problem, trace: dict[str, npt.NDArray[Any]]) -> None:
        self._problem = problem
        self._variable, self._event = trace["variable"], trace["event"]
        self._base, self._ended = trace["base"], trace["ended"]
        like = problem.cov.detach()
        self.knots = torch.from_numpy(trace["knots"]).to(like)
        self.n_knots = torch.from_numpy(trace["counts"]).to(like.device, torch.int64)
        self._fit = torch.from_numpy(trace["fit"]).to(like)
        self._nonzeros = torch.from_numpy(trace["nonzeros"]).to(like.device, torch.int64)

    def __len__(self) -> int:
        """Return the number of knots of the longest path."""
        return self.knots.shape[0]

    @property
    def lambda_max(self) -> Tensor:
        """Smallest penalty with every penalised coefficient at zero, (m,); differentiable."""
        return self.penalty_at_knot(0)

    @property
    def coefficients(self) -> KnotCoefficients:
        """Coefficients at the knots: ``path.coefficients[k]`` is a (p, m) tensor, solved for when indexed."""
        return KnotCoefficients(self)

    def solve(self, penalty: Tensor | float) -> Tensor:
        """Coefficients at any penalty.

        Parameters
        ----------
        penalty : float or Tensor, scalar or (m,)
            λ of all targets or of each. Below the last knot of a path that was cut short by ``max_knots`` the
            problem is solved by coordinate descent.

        Returns
        -------
        Tensor (p, m)
            Differentiable in the penalty too.

        Raises
        ------
        InputError
            Where the penalty is negative, not finite or of another shape.
        """
        lam = check_penalty(penalty, self._problem)
        level = lam.detach()
        last = self.knots.gather(0, self.n_knots[None] - 1)[0]
        ended = torch.from_numpy(self._ended).to(level.device)
        if not bool((ended | (level >= last)).all()):
            return solve_problem(self._problem, lam, None)
        # At a knot, to rounding, a variable that leaves is out already and one that joins is not yet in.
        rounding = 8 * torch.finfo(level.dtype).eps * self.knots[0]
        above = (self.knots > level + rounding).cpu().numpy()
        at = (self.knots >= level - rounding).cpu().numpy() & (np.abs(self._event) == _LEAVES)
        sign = self._signs(above | at)
        active = sign != 0
        right = self._problem.cov - lam * self._weights() * sign
        with torch.no_grad():
            solution = on_support(self._problem.gram, right, active)
        # Where variables tie, one may be in that stays at zero: rounding must not give it a sign.
        phantom = (solution * sign < 0) & (self._problem.weights > 0)
        if not bool(phantom.any()):
            return on_support(self._problem.gram, right, active, solution)
        return on_support(self._problem.gram, right, active & ~phantom)

    def at_fraction(self, fraction: float | Tensor) -> Tensor:
        """Coefficients at the same fraction of every target's λ_max, (p, m).

        Parameters
        ----------
        fraction : float or Tensor, scalar or (m,)
            1 is the empty model, 0 least squares.

        Returns
        -------
        Tensor (p, m)
            Coefficients, differentiable.
        """
        return self.solve(fraction * self.lambda_max)

    def at_nonzeros(self, count: int) -> Tensor:
        """Coefficients of the fullest model with at most so many non-zeros in every target.

        Parameters
        ----------
        count : int
            Unpenalised coefficients count too.

        Returns
        -------
        Tensor (p, m)
            Coefficients, differentiable.
        """
        return self.solve(self.penalty_at_nonzeros(count))

    def penalty_at_nonzeros(self, count: int) -> Tensor:
        """Penalty at which each target's path is about to exceed `count` non-zeros, (m,); differentiable.

        Parameters
        ----------
        count : int
            Unpenalised coefficients count too; they are there from the start.

        Returns
        -------
        Tensor (m,)
            The penalties.
        """
        if count < 0:
            raise InputError(f"count must not be negative; it is {count}.")
        exceeded = (self._nonzeros > count) & ~self.knots.isnan()
        first = torch.where(exceeded.any(0), exceeded.int().argmax(0), self.n_knots)
        return self._penalty_at((first - 1).clamp_min(0))

    def penalty_at_knot(self, knot: int | Tensor) -> Tensor:
        """Penalty of the k-th knot of each target, as a differentiable function of `gram` and `cov`.

        Parameters
        ----------
        knot : int or Tensor (m,), int64
            Counted from 0, which is λ_max. Paths with fewer knots give their last one.

        Returns
        -------
        Tensor (m,)
            The penalties.
        """
        index = torch.as_tensor(knot, device=self.n_knots.device)
        if bool((index < 0).any()) or index.dtype != torch.int64:
            raise InputError("knot must be an integer or an int64 tensor, counted from 0.")
        return self._penalty_at(torch.minimum(index, self.n_knots - 1))

    def nonzeros(self, penalty: Tensor | float | None = None) -> Tensor:
        """Count non-zero coefficients.

        Parameters
        ----------
        penalty : Tensor or float, optional
            Where to count; at every knot by default.

        Returns
        -------
        Tensor (K, m) or (m,), int64
            At every knot, -1 after a target's last one; or at the penalty.
        """
        if penalty is None:
            return self._nonzeros.masked_fill(self.knots.isnan(), -1)
        return (self.solve(penalty).detach() != 0).sum(0)

    def residual_variance(self, variance: Tensor) -> Tensor:
        """Mean squared residual of every target at every knot.

        Parameters
        ----------
        variance : Tensor (m,)
            Mean square of the targets, ``diag(YᵀY)/n``.

        Returns
        -------
        Tensor (K, m)
            ``‖y − Z a‖²/n``, NaN after a target's last knot.
        """
        if variance.shape != self.n_knots.shape:
            raise InputError(
                f"variance must have shape (m,) = {tuple(self.n_knots.shape)}; it has"
                f" {tuple(variance.shape)}."
            )
        residual = (variance - self._fit).clamp_min(0)
        return residual.masked_fill(self.knots.isnan(), torch.nan)

    def _penalty_at(self, index: Tensor) -> Tensor:
        """Solve for the penalty at which the event's variable, left out, reaches its bound."""
        problem = self._problem
        row = torch.arange(len(self), device=index.device)[:, None]
        before = (row < index).cpu().numpy()
        at = (row == index).cpu().numpy() & (np.abs(self._event) == _LEAVES)
        sign = self._signs(before | at)
        target, position = np.arange(problem.cov.shape[1]), index.cpu().numpy()
        side = torch.from_numpy(np.sign(self._event[position, target])).to(problem.cov)
        which = torch.from_numpy(self._variable[position, target]).to(index.device, torch.int64)
        active = sign != 0
        weights = self._weights()
        b = on_support(problem.gram, problem.cov, active)
        d = on_support(problem.gram, torch.where(active, weights * sign, 0.0), active)
        pick = which.clamp_min(0)
        e = problem.cov.gather(0, pick[None])[0] - times_at(problem.gram, b, pick)
        h = times_at(problem.gram, d, pick)
        gap = side * weights.gather(0, pick[None])[0] - h
        known = self.knots.gather(0, index[None])[0]
        moving = (which >= 0) & (gap != 0)
        value = torch.where(moving, e, 0.0) / torch.where(moving, gap, 1.0)
        # The stored knot, to the last bit, with the derivative of the formula.
        return known + (value - value.detach())

    def _signs(self, applied: npt.NDArray[np.bool_]) -> Tensor:
        """Signs (p, m) after the events marked in `applied` (K, m), in order; 0 outside the active set."""
        sign = self._base.T.astype(np.int8)
        knot, target = np.nonzero(applied & (self._variable >= 0))
        event = self._event[knot, target]
        # Where a variable has several events the last one counts: assignment runs in the order of knots.
        sign[self._variable[knot, target], target] = np.where(np.abs(event) == _LEAVES, 0, event)
        return torch.from_numpy(sign).to(self._problem.cov)

    def _weights(self) -> Tensor:
        """Weights with excluded variables at zero, so that products with signs stay finite."""
        return self._problem.weights.masked_fill(self._problem.weights == torch.inf, 0.0)


class KnotCoefficients:
    """Sequence of (p, m) coefficients at the knots of a `LassoPath`."""

    def __init__(self, path: LassoPath) -> None:
        self._path = path

    def __len__(self) -> int:
        """Return the number of knots of the longest path."""
        return len(self._path)

    def __getitem__(self, knot: int) -> Tensor:
        """Coefficients at a knot; targets whose path is shorter stay at their last one."""
        if not -len(self) <= knot < len(self):
            raise IndexError(f"knot {knot} of a path with {len(self)} knots")
        return self._path.solve(self._path.penalty_at_knot(knot % len(self)))

    def __iter__(self) -> Iterator[Tensor]:
        """Iterate over the knots."""
        return (self[knot] for knot in range(len(self)))


def trace(problem: Problem, max_knots: int | None) -> LassoPath:
    """Follow the path of every target on the CPU, in parallel over targets."""
    from . import cpu as _lasso_cpu

    return LassoPath(problem, _lasso_cpu.trace(problem.gram, problem.cov, problem.weights, max_knots))
