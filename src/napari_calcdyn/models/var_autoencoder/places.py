"""Places of a grid, and the tiles that their windows cover: each covers four, and four places meet in each tile.

Going from places to tiles and back are the transposes of each other, so that each is the other's gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def to_tiles(grid: Tensor) -> Tensor:
    """Copy what belongs to places to each of the four tiles that their windows cover.

    Parameters
    ----------
    grid : Tensor (rows, columns, n)
        Of all places.

    Returns
    -------
    Tensor (tiles, 4, n)
        Of the places that meet in each tile; 0 where there is none.
    """
    tiles: Tensor = _ToTiles.apply(grid)  # type: ignore[no-untyped-call]
    return tiles


def to_places(tiles: Tensor, rows: int, columns: int) -> Tensor:
    """Add up the four parts of every place.

    Parameters
    ----------
    tiles : Tensor (tiles, 4, n)
        Parts of the places that meet in each tile.
    rows, columns : int
        Of the grid.

    Returns
    -------
    Tensor (rows, columns, n)
        The sums.
    """
    grid: Tensor = _ToPlaces.apply(tiles, rows, columns)  # type: ignore[no-untyped-call]
    return grid


class _ToTiles(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grid: Tensor) -> Tensor:
        rows, columns, n = grid.shape
        ctx.size = rows, columns
        tiles = grid.new_zeros(rows + 1, columns + 1, 4, n)
        for corner, (a, b) in enumerate(_CORNERS):
            tiles[a : a + rows, b : b + columns, corner] = grid
        return tiles.flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return to_places(gradient, *ctx.size)


class _ToPlaces(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tiles: Tensor, rows: int, columns: int) -> Tensor:
        parts = tiles.reshape(rows + 1, columns + 1, 4, -1)
        one, two, three, four = (
            parts[a : a + rows, b : b + columns, corner] for corner, (a, b) in enumerate(_CORNERS)
        )
        return one + two + three + four

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return to_tiles(gradient), None, None
