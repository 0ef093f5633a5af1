"""Frames cut into tiles, as training keeps them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from napari_calcdyn.models.compiled import over_targets


@dataclass(frozen=True, eq=False)
class Tiles:
    """Stretches of frames, cut into tiles.

    The processor keeps them as integers of 16 bits: half the bytes to keep, and to read at every step. Each tile of
    each frame has a unit of its own, its largest value divided by 32767, so that rounding is far below any noise. A
    graphics card keeps floating-point numbers, which its matrix products take.

    Parameters
    ----------
    values : Tensor (tiles, N, s²), int16 or float32
        The pixels in units.
    units : Tensor (tiles, N), float32, optional
        Of integers.
    starts : sequence of int, optional
        First frame of each stretch; by default there is one, of all frames.
    length : int, optional
        Frames in a stretch.
    """

    values: Tensor
    units: Tensor | None = None
    starts: Sequence[int] = (0,)
    length: int | None = None

    @classmethod
    def room(cls, tiles: int, frames: int, pixels: int, device: torch.device) -> Tiles:
        """Return tiles of s² `pixels` to be filled, as the device keeps them."""
        if device.type != "cpu":
            return cls(torch.empty(tiles, frames, pixels, device=device))
        values = torch.empty(tiles, frames, pixels, dtype=torch.int16)
        return cls(values, torch.zeros(tiles, frames))  # of frames that are not filled, too

    def __len__(self) -> int:
        """Return the number of frames n."""
        return len(self.starts) * self._length

    @property
    def _length(self) -> int:
        return self.values.shape[1] if self.length is None else self.length

    def stretches(self, starts: Sequence[int], length: int) -> Tiles:
        """Return stretches of these frames, without a copy."""
        return Tiles(self.values, self.units, starts, length)

    def parts(self) -> list[Tensor]:
        """Return the values of each stretch, (tiles, length, s²); parts of all values."""
        return [self.values[:, start : start + self._length] for start in self.starts]

    def dense(self, tiles: slice = slice(None)) -> Tensor:
        """Return some of the tiles as numbers, (tiles, n, s²), float32; a copy of integers."""
        spans = [slice(start, start + self._length) for start in self.starts]
        parts = [self.values[tiles, it] for it in spans]
        if self.units is not None:
            parts = [part * self.units[tiles, it, None] for part, it in zip(parts, spans, strict=True)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def squares(self) -> Tensor:
        """Return the sum of squares of each frame, (n,)."""
        if self.units is None:
            norms: Tensor = torch.linalg.vector_norm(self.dense(), dim=2)
            return norms.square().sum(0)  # over both at once rounds badly
        squares = torch.empty(len(self.values), len(self))
        self.run("square", squares)
        return squares.sum(0)

    def times(self, corners: Tensor) -> Tensor:
        """Multiply by corners (tiles, 4, s²), (tiles, 4, n); differentiable in them."""
        if self.units is None:
            products: Tensor = _Products.apply(corners, self)  # type: ignore[no-untyped-call]
            return products
        each = torch.arange(4 * len(corners)).view(-1, 1, 4)
        return self.sums(corners, each, 4 * len(corners)).view(len(corners), 4, -1)

    def sums(self, corners: Tensor, owners: Tensor, count: int) -> Tensor:
        """Multiply integers by corners, and add up the products that have one owner.

        Parameters
        ----------
        corners : Tensor (tiles, 4, s²)
            The factors.
        owners : Tensor (rows, columns, 4), int64
            Of the products, for each row of tiles; -1 for those that are left out. Rows that have an owner in common
            are adjacent.
        count : int
            Number of owners.

        Returns
        -------
        Tensor (count, n)
            Differentiable in the corners.
        """
        sums: Tensor = _Sums.apply(corners, self, owners, count)  # type: ignore[no-untyped-call]
        return sums

    def store(self, frames: Tensor, first: int, columns: int, margin: int) -> None:
        """Cut frames (n, Y, X) into tiles in so many columns, with a margin, and write them as integers.

        Parameters
        ----------
        frames : Tensor (n, Y, X), float32
            The frames.
        first : int
            Where they begin.
        columns : int
            Number of tiles side by side.
        margin : int
            Pixels of the first row and column of tiles that lie beyond the edge.
        """
        assert self.units is not None
        layout = margin, math.isqrt(self.values.shape[2]), columns, first
        over_tiles("store", len(self.values), frames, *layout, self.values, self.units)

    def run(self, kernel: str, *arrays: Any, over: int | None = None) -> None:
        """Run a compiled kernel over all tiles of integers; what it takes besides them, and last what it fills."""
        assert self.units is not None
        *taken, filled = arrays
        frames = torch.add(torch.tensor(self.starts)[:, None], torch.arange(self._length)).flatten()
        tiles = len(self.values) if over is None else over
        over_tiles(kernel, tiles, *taken, self.values, self.units, frames, filled)


def over_tiles(kernel: str, tiles: int, *arguments: Any) -> None:
    """Run a compiled kernel over so many tiles, with tensors of the processor and numbers."""
    from . import tile_kernels

    arrays = (it.detach().contiguous().numpy() if isinstance(it, Tensor) else it for it in arguments)
    over_targets(getattr(tile_kernels, kernel), tiles, *arrays)


class _Products(torch.autograd.Function):
    """``corners @ tilesᵀ`` of tiles of numbers."""

    @staticmethod
    def forward(ctx: Any, corners: Tensor, tiles: Tiles) -> Tensor:
        ctx.tiles = tiles
        return torch.cat([corners @ it.mT for it in tiles.parts()], 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        parts = ctx.tiles.parts()
        total = gradient.new_zeros(*gradient.shape[:2], parts[0].shape[2])
        for its, part in zip(gradient.tensor_split(len(parts), 2), parts, strict=True):
            total.baddbmm_(its, part)
        return total, None


class _Sums(torch.autograd.Function):
    """Sums of ``corners @ tilesᵀ`` of tiles of integers; the gradient reads the tiles once more, along their rows."""

    @staticmethod
    def forward(ctx: Any, corners: Tensor, tiles: Tiles, owners: Tensor, count: int) -> Tensor:
        ctx.tiles, ctx.owners = tiles, owners
        sums = torch.zeros(count, len(tiles))
        together = corners.detach().transpose(0, 1).contiguous()
        for first in range(2):  # every other row at a time: no two threads have a sum in common
            rows = (len(owners) - first + 1) // 2
            tiles.run("multiply", together, owners, first, sums, over=rows)
        return sums

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        tiles: Tiles = ctx.tiles
        total = torch.empty(4, len(tiles.values), tiles.values.shape[2])
        tiles.run("differentiate", gradient, ctx.owners.flatten(0, 1), total)
        return total.transpose(0, 1), None, None, None
