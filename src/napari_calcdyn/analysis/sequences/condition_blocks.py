"""Frames of two conditions as blocks of one length, of the same mean and size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.analysis.blocks import autocorrelation_time, equal_blocks
from napari_calcdyn.models.var import Moments, Neighbourhoods
from napari_calcdyn.models.var.local_moments import moments_of_rows
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.ranges import stretches

LEAST_BLOCKS = 5  # in a condition; fewer leave too few combinations of signs
_WANTED_BLOCKS = 7
_TIMES = 6.0  # of the autocorrelation time in a block; with less, neighbouring blocks are still correlated
_MOST_BLOCKS = 400
_KEPT = 0.75  # of a condition's frames, where blocks of one length leave some out

Ranges = Sequence[range]
Sequence64 = NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """Blocks of one length: first those of A, then those of B.

    Attributes
    ----------
    rows : ndarray (1 + p, d, n), float64
        Latents in the n predicted frames, block after block, and 1 to p frames before. Each row has mean 0 in each
        condition.
    std : ndarray (d,), float64
        By how much the latents of both conditions were divided.
    scale : ndarray (2,), float64
        By how much all latents of A and all latents of B were divided besides.
    frames : list of range
        Predicted frames of every block.
    in_a : int
        How many blocks are of A.
    neighbourhoods : Neighbourhoods or None
        The latents that may drive each one, K at most; None if all d of them may.
    """

    rows: Sequence64
    std: Sequence64
    scale: Sequence64
    frames: list[range]
    in_a: int
    neighbourhoods: Neighbourhoods | None

    @property
    def targets(self) -> Sequence64:
        """Latents in the predicted frames, (n, d)."""
        targets: Sequence64 = self.rows[0].T
        return targets

    @property
    def predictors(self) -> Sequence64:
        """Past latents of every predicted frame, (n, p·d): lag 1 of all latents first, then lag 2 and so on."""
        return self.rows[1:].reshape(-1, self.rows.shape[2]).T

    @cached_property
    def sources(self) -> NDArray[np.int64]:
        """The latents that may drive each one, (d, K); -1 after the last one."""
        latents = len(self.std)
        if self.neighbourhoods is None:
            return np.broadcast_to(np.arange(latents), (latents, latents))
        return self.neighbourhoods.neighbours.cpu().numpy()

    @property
    def length(self) -> int:
        """Frames in a block."""
        return len(self.frames[0])

    @property
    def conditions(self) -> tuple[slice, slice]:
        """Where the predicted frames of A and those of B are."""
        return slice(self.in_a * self.length), slice(self.in_a * self.length, None)

    def predictors_of(self, target: int) -> Sequence64:
        """Return past latents that may drive a target, (n, p·K): lag 1 of all first; 0 where there is none."""
        sources = self.sources[target]
        past = self.rows[1:, sources]
        past[:, sources < 0] = 0
        return past.reshape(-1, past.shape[2]).T

    def moments(self, chosen: slice = slice(None)) -> Moments:
        """Return the second moments of some predicted frames; of all by default."""
        if self.neighbourhoods is not None:
            return moments_of_rows(torch.from_numpy(self.rows[:, :, chosen]), self.neighbourhoods)
        z, y = torch.from_numpy(self.predictors[chosen]), torch.from_numpy(self.targets[chosen])
        return Moments(z.T @ z / len(z), z.T @ y / len(z), y.square().mean(0), len(z))


def make_blocks(
    latents: NDArray[np.floating],
    a: Ranges,
    b: Ranges,
    order: int,
    block: int | Literal["auto"],
    neighbourhoods: Neighbourhoods | None = None,
) -> Blocks:
    """Check two conditions, bring them to the same mean and size, and cut them into blocks.

    Parameters
    ----------
    latents : ndarray (T, d)
        In time order. A row of NaN is a frame that is left out.
    a, b : sequence of range
        Stretches of the two conditions.
    order : int
        Number of lags p.
    block : int or "auto"
        Frames in a block.
    neighbourhoods : Neighbourhoods, optional
        The latents that may drive each one; all by default.

    Returns
    -------
    Blocks
        Latents have mean 0 in each condition and variance 1 over both. Before that, all latents of a condition are
        divided by one number, the geometric mean of their standard deviations: that leaves the rules as they are, and
        neither condition outweighs the other in what they have in common.

    Raises
    ------
    InputError
        If the ranges cannot be compared.
    """
    a, b = check_ranges(a, b, (frames_with_values(latents),), order, block)
    values: Sequence64 = np.zeros(latents.shape)
    conditions = [np.concatenate([np.arange(r.start, r.stop) for r in ranges]) for ranges in (a, b)]
    for frames in conditions:
        chosen = np.asarray(latents[frames], np.float64)
        if not np.isfinite(chosen).all():
            raise InputError("The latents hold NaN or infinite values: check the recording, or train again.")
        values[frames] = chosen - chosen.mean(0)
    spread = np.array([values[frames].std(0) for frames in conditions])
    varies = (spread > 1e-9 * spread.max(initial=0)).all(0)
    scale = np.exp(np.log(spread[:, varies]).mean(1)) if varies.any() else np.ones(2)
    for frames, size in zip(conditions, scale, strict=True):
        values[frames] /= size
    used = np.sort(np.concatenate(conditions))
    std = values[used].std(0)
    std[std <= 1e-9 * std.max(initial=0)] = 1  # a constant latent: the lasso leaves it out
    values /= std
    cut = _cut(values[used], a, b, order, block)
    predicted = np.concatenate([np.arange(it.start, it.stop) for it in cut[0] + cut[1]])
    rows = np.empty((order + 1, len(std), len(predicted)))
    for lag, row in enumerate(rows):
        row[:] = values[predicted - lag].T
    for part in np.split(rows, [sum(map(len, cut[0]))], 2):
        part -= part.mean(2, keepdims=True)
    return Blocks(rows, std, scale, cut[0] + cut[1], len(cut[0]), neighbourhoods)


def check_ranges(
    a: Ranges,
    b: Ranges,
    valid: tuple[NDArray[np.bool_], ...],
    order: int,
    block: int | Literal["auto"] = "auto",
) -> tuple[list[range], list[range]]:
    """Raise InputError if two conditions cannot be compared, before anything is computed.

    Parameters
    ----------
    a, b : sequence of range
        Stretches of the two conditions.
    valid : tuple of ndarray (T,), bool
        Which frames of the recording can be used; or of the one that `a` is in, and of the one that `b` is in.
    order : int
        Number of lags p.
    block : int or "auto"
        Frames in a block.

    Returns
    -------
    a, b : list of range
        The stretches, cut where frames cannot be used.

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
    cut = []
    for name, ranges, frames in (("A", a, valid[0]), ("B", b, valid[-1])):
        for it in ranges:
            if it.step != 1 or not 0 <= it.start <= it.stop <= len(frames):
                raise InputError(
                    f"The range {it.start}:{it.stop} of {name} is not in the recording, which has {len(frames)}"
                    " frames: choose one that is."
                )
        usable = without_gaps(ranges, frames)
        cut.append(usable)
        if len(equal_blocks(usable, shortest, order)) < LEAST_BLOCKS:
            raise InputError(
                f"{name} is too short: a comparison of order {order} needs at least {LEAST_BLOCKS} blocks of"
                f" {shortest} consecutive frames, after the first {order} of a stretch: choose longer ranges."
            )
        room = LEAST_BLOCKS if block == "auto" else len(equal_blocks(usable, block, order))
        if room < LEAST_BLOCKS:
            raise InputError(
                f"{name} has room for {room} blocks of {block} frames, and a comparison needs at least {LEAST_BLOCKS}:"
                " make blocks shorter, or choose longer ranges."
            )
    if len(valid) == 1:
        named = [(it.start, it.stop, name) for name, ranges in (("A", a), ("B", b)) for it in ranges]
        for (start, stop, name), (other_start, other_stop, other) in pairwise(sorted(named)):
            if other_start < stop:
                raise InputError(
                    f"The ranges {start}:{stop} of {name} and {other_start}:{other_stop} of {other} overlap: choose"
                    " ranges that share no frame."
                )
    return cut[0], cut[1]


def frames_with_values(latents: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which frames are not left out, (T,): those whose latents (T, d) are not all NaN."""
    known: NDArray[np.bool_] = ~np.isnan(latents).all(1)
    return known


def without_gaps(ranges: Ranges, valid: NDArray[np.bool_]) -> list[range]:
    """Cut stretches where frames cannot be used.

    Parameters
    ----------
    ranges : sequence of range
        Of the recording.
    valid : ndarray (T,), bool
        Which of its frames can be used.

    Returns
    -------
    list of range
        What is left of each, in the same order.
    """
    return [
        range(it.start + part.start, it.start + part.stop)
        for it in ranges
        for part in stretches(valid[it.start : it.stop])
    ]


def _shortest(order: int) -> int:
    return 2 * (order + 1)


def _cut(
    values: Sequence64, a: Ranges, b: Ranges, order: int, block: int | Literal["auto"]
) -> tuple[list[range], list[range]]:
    """Cut both conditions into blocks of the same length."""
    if block == "auto":
        available = [sum(max(0, len(stretch) - order) for stretch in ranges) for ranges in (a, b)]
        shortest = _shortest(order)
        wanted = max(
            math.ceil(_TIMES * autocorrelation_time(values)), shortest, -(-sum(available) // _MOST_BLOCKS)
        )
        block = _longest(a, b, order, range(shortest, wanted + 1), available)
    return equal_blocks(a, block, order), equal_blocks(b, block, order)


def _longest(a: Ranges, b: Ranges, order: int, lengths: range, available: list[int]) -> int:
    """Return the greatest length that gives the wanted blocks and leaves out few frames; else the best there is."""
    wanted = np.array(lengths)
    counts, kept = [], []
    for ranges, frames in zip((a, b), available, strict=True):
        count = sum(np.maximum(0, len(stretch) - order) // wanted for stretch in ranges)
        counts.append(count)
        kept.append(count * wanted / max(1, frames))
    score = np.minimum(1, np.min(counts, 0) / _WANTED_BLOCKS) + np.minimum(1, np.min(kept, 0) / _KEPT)
    score[np.min(counts, 0) < LEAST_BLOCKS] = 0
    return int(wanted[len(score) - 1 - np.argmax(score[::-1])])
