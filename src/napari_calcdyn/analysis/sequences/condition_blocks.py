"""Frames of two conditions as exchangeable blocks, of the same length, mean and power."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.analysis.blocks import autocorrelation_time, equal_blocks
from napari_calcdyn.models.var import Moments
from napari_calcdyn.recording import InputError

LEAST_BLOCKS = 5  # in a condition; fewer can be permuted in too few ways
_WANTED_BLOCKS = 7
_TIMES = 6.0  # of the autocorrelation time in a block; with less, neighbouring blocks are still correlated
_MOST_BLOCKS = 400
_MOST_BYTES = 2 * 2**30
_KEPT = 0.75  # of a condition's frames, where blocks of one length leave some out
_RIDGE = 0.05
_ROUNDS = 4

Ranges = Sequence[range]
Sequence64 = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """Blocks of one length: first those of A, then those of B.

    Attributes
    ----------
    values : ndarray (T, d), float64
        Latents in time order, standardised; only frames of the two conditions are meaningful.
    std : ndarray (d,), float64
        By how much the latents were divided.
    frames : list of range
        Predicted frames of every one of the n blocks.
    in_a : int
        How many blocks are of A.
    order : int
        Number of lags p.
    gram : ndarray (n, q, q), float64
        Sum ``ZᵀZ`` of every block, with q = p·d predictors, less their mean in the block.
    cov : ndarray (n, d, q), float64
        ``YᵀZ``.
    square : ndarray (n, d), float64
        ``diag(YᵀY)``.
    """

    values: Sequence64
    std: Sequence64
    frames: list[range]
    in_a: int
    order: int
    gram: Sequence64
    cov: Sequence64
    square: Sequence64

    @property
    def length(self) -> int:
        """Frames in a block."""
        return len(self.frames[0])

    @property
    def conditions(self) -> tuple[slice, slice]:
        """Where the blocks of A and those of B are."""
        return slice(self.in_a), slice(self.in_a, None)

    def of(self, block: int) -> tuple[Sequence64, Sequence64]:
        """Return predictors (L, q) and targets (L, d) of a block, less their means in this block."""
        return _centred(self.values, self.frames[block], self.order)

    def moments(self, chosen: slice = slice(None)) -> Moments:
        """Return the moments of some blocks together; of all by default."""
        n = len(self.frames[chosen]) * self.length
        gram, cov, square = (
            torch.from_numpy(sums[chosen].sum(0) / n) for sums in (self.gram, self.cov, self.square)
        )
        return Moments(gram, cov.t().contiguous(), square, n)


def make_blocks(
    latents: NDArray[np.floating], a: Ranges, b: Ranges, order: int, block: int | Literal["auto"]
) -> Blocks:
    """Check two conditions, bring them to the same mean and power, and cut them into blocks.

    Parameters
    ----------
    latents : ndarray (T, d)
        In time order.
    a, b : sequence of range
        Stretches of the two conditions.
    order : int
        Number of lags p.
    block : int or "auto"
        Frames in a block.

    Returns
    -------
    Blocks
        Latents have mean 0 in each condition and variance 1 over both. The frames of both conditions are scaled, all
        latents alike, such that a common VAR misses the same power in both: that leaves the rules as they are, and
        blocks of a condition with more power then differ from others only by their rules.

    Raises
    ------
    InputError
        If the ranges cannot be compared.
    """
    check_ranges(a, b, (len(latents),), order, block)
    values: Sequence64 = np.zeros(latents.shape)
    conditions = [np.concatenate([np.arange(r.start, r.stop) for r in stretches]) for stretches in (a, b)]
    for frames in conditions:
        chosen = np.asarray(latents[frames], np.float64)
        if not np.isfinite(chosen).all():
            raise InputError("The latents hold NaN or infinite values: check the recording, or train again.")
        values[frames] = chosen - chosen.mean(0)
    used = np.concatenate(conditions)
    cut_a, cut_b = _cut(values[np.sort(used)], a, b, order, block)
    both = cut_a + cut_b
    blocks = Blocks(values, np.ones(values.shape[1]), both, len(cut_a), order, *_sums(values, both, order))
    blocks = _standardised(blocks, used)
    groups = blocks.conditions
    for _ in range(_ROUNDS):
        louder = _louder(blocks, groups)
        for frames, group, factor in zip(conditions, groups, (louder, 1 / louder), strict=True):
            blocks.values[frames] *= math.sqrt(factor)
            for sums in (blocks.gram, blocks.cov, blocks.square):
                sums[group] *= factor
    return _standardised(blocks, used)


def _standardised(blocks: Blocks, used: NDArray[np.int64]) -> Blocks:
    """Divide every latent by its standard deviation over the frames that are used."""
    std = blocks.values[used].std(0)
    std[std <= 1e-9 * std.max(initial=0)] = 1  # a constant latent: the lasso leaves it out
    lagged = np.tile(std, blocks.order)
    return dataclasses.replace(
        blocks,
        values=blocks.values / std,
        std=blocks.std * std,
        gram=blocks.gram / (lagged[:, None] * lagged),
        cov=blocks.cov / (std[:, None] * lagged),
        square=blocks.square / std**2,
    )


def _centred(values: Sequence64, frames: range, order: int) -> tuple[Sequence64, Sequence64]:
    past = [values[frames.start - lag : frames.stop - lag] for lag in range(1, order + 1)]
    predictors, targets = np.hstack(past), values[frames.start : frames.stop]
    return predictors - predictors.mean(0), targets - targets.mean(0)


def _sums(values: Sequence64, blocks: list[range], order: int) -> tuple[Sequence64, Sequence64, Sequence64]:
    width = values.shape[1]
    q = order * width
    gram, cov = np.empty((len(blocks), q, q)), np.empty((len(blocks), width, q))
    square = np.empty((len(blocks), width))
    for block, frames in enumerate(blocks):
        predictors, targets = _centred(values, frames, order)
        np.matmul(predictors.T, predictors, out=gram[block])
        np.matmul(targets.T, predictors, out=cov[block])
        square[block] = np.square(targets).sum(0)
    return gram, cov, square


def check_ranges(
    a: Ranges, b: Ranges, n_frames: tuple[int, ...], order: int, block: int | Literal["auto"] = "auto"
) -> None:
    """Raise InputError if two conditions cannot be compared, before anything is computed.

    Parameters
    ----------
    a, b : sequence of range
        Stretches of the two conditions.
    n_frames : tuple of int
        Frames of the recording; or of the one that `a` is in, and of the one that `b` is in.
    order : int
        Number of lags p.
    block : int or "auto"
        Frames in a block.

    Raises
    ------
    InputError
        If a range is not in its recording, two in one recording overlap, a condition is too short, or blocks are too
        short or too long.
    """
    shortest = _shortest(order)
    if block != "auto" and block < shortest:
        raise InputError(
            f"Blocks of {block} frames are too short for order {order}: make them at least {shortest} frames long."
        )
    for name, stretches, frames in (("A", a, n_frames[0]), ("B", b, n_frames[-1])):
        for it in stretches:
            if it.step != 1 or not 0 <= it.start <= it.stop <= frames:
                raise InputError(
                    f"The range {it.start}:{it.stop} of {name} is not in the recording, which has {frames} frames:"
                    " choose one that is."
                )
        if len(equal_blocks(stretches, shortest, order)) < LEAST_BLOCKS:
            raise InputError(
                f"{name} is too short: a comparison of order {order} needs at least {LEAST_BLOCKS} blocks of"
                f" {shortest} consecutive frames, after the first {order} of a stretch: choose longer ranges."
            )
        room = LEAST_BLOCKS if block == "auto" else len(equal_blocks(stretches, block, order))
        if room < LEAST_BLOCKS:
            raise InputError(
                f"{name} has room for {room} blocks of {block} frames, and a comparison needs at least {LEAST_BLOCKS}:"
                " make blocks shorter, or choose longer ranges."
            )
    if len(n_frames) == 1:
        named = [(it.start, it.stop, name) for name, ranges in (("A", a), ("B", b)) for it in ranges]
        for (start, stop, name), (other_start, other_stop, other) in pairwise(sorted(named)):
            if other_start < stop:
                raise InputError(
                    f"The ranges {start}:{stop} of {name} and {other_start}:{other_stop} of {other} overlap: choose"
                    " ranges that share no frame."
                )


def _shortest(order: int) -> int:
    return 2 * (order + 1)


def _cut(
    values: Sequence64, a: Ranges, b: Ranges, order: int, block: int | Literal["auto"]
) -> tuple[list[range], list[range]]:
    """Cut both conditions into blocks of the same length."""
    q = order * values.shape[1]
    most = max(4 * LEAST_BLOCKS, min(_MOST_BLOCKS, _MOST_BYTES // (8 * q * (q + 2 * values.shape[1]))))
    available = [sum(max(0, len(stretch) - order) for stretch in stretches) for stretches in (a, b)]
    if block == "auto":
        shortest = _shortest(order)
        wanted = max(math.ceil(_TIMES * autocorrelation_time(values)), shortest, -(-sum(available) // most))
        length = _longest(a, b, order, range(shortest, wanted + 1), available)
    else:
        length = block
    cut = [equal_blocks(stretches, length, order) for stretches in (a, b)]
    if len(cut[0] + cut[1]) > 2 * most:
        raise InputError(
            f"{len(cut[0] + cut[1])} blocks do not fit into memory with {values.shape[1]} latents: make them longer"
            f" than {length} frames."
        )
    return cut[0], cut[1]


def _longest(a: Ranges, b: Ranges, order: int, lengths: range, available: list[int]) -> int:
    """Return the greatest length that gives the wanted blocks and leaves out few frames; else the best there is."""
    wanted = np.array(lengths)
    counts, kept = [], []
    for stretches, frames in zip((a, b), available, strict=True):
        count = sum(np.maximum(0, len(stretch) - order) // wanted for stretch in stretches)
        counts.append(count)
        kept.append(count * wanted / max(1, frames))
    score = np.minimum(1, np.min(counts, 0) / _WANTED_BLOCKS) + np.minimum(1, np.min(kept, 0) / _KEPT)
    score[np.min(counts, 0) < LEAST_BLOCKS] = 0
    return int(wanted[len(score) - 1 - np.argmax(score[::-1])])


def _louder(blocks: Blocks, groups: tuple[slice, slice]) -> float:
    """Return the factor for power in A, and its inverse in B, that makes the residuals of a common VAR equal.

    As a geometric mean over latents, which does not depend on their units.
    """
    together = blocks.moments()
    effects = ridge_inverse(together) @ together.cov
    power = []
    for group in groups:
        m = blocks.moments(group)
        power.append((m.variance + (effects * (m.gram @ effects - 2 * m.cov)).sum(0)).numpy())
    usable = (np.array(power) > 1e-9).all(0)
    if not usable.any():
        return 1.0
    return math.exp(np.log(power[1][usable] / power[0][usable]).mean() / 2)


def ridge_inverse(moments: Moments) -> Tensor:
    """Return ``(G + ρ)⁻¹``, (q, q): stable also where there are more predictors than frames."""
    ridge = _RIDGE * torch.eye(len(moments.gram), dtype=torch.float64)
    inverse: Tensor = torch.linalg.inv(moments.gram + ridge)
    return inverse
