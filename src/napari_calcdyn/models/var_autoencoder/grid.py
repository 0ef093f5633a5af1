"""The square grid of a network's places, and the tiles that frames are cut into."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from .places import to_places, to_tiles
from .tiles import Tiles


class Grid(nn.Module):
    """Places at equal distances, each with a window of ``2·stride`` pixels, and the tiles that four windows share.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width of a frame in pixels; any.
    latents : int
        Number of places d that are used. Where the grid has more, those with the least `activity` stay empty.
    activity : Tensor (Y, X), optional
        How much each pixel changes, such as its standard deviation.
    """

    places: Tensor

    def __init__(self, frame_shape: tuple[int, int], latents: int, activity: Tensor | None = None) -> None:
        super().__init__()
        self.frame_shape = frame_shape
        height, width = frame_shape
        self.stride = _stride(frame_shape, latents)
        self.rows, self.columns = math.ceil(height / self.stride), math.ceil(width / self.stride)
        margin = self.stride // 2
        # left, right, top, bottom: the windows of the outermost places reach over the edge by half a stride
        self._padding = (
            margin,
            (self.columns + 1) * self.stride - width - margin,
            margin,
            (self.rows + 1) * self.stride - height - margin,
        )
        self.register_buffer("places", self._busiest(latents, activity))

    @property
    def latents(self) -> int:
        """Number of latents d."""
        return self.places.numel()

    @property
    def centres(self) -> Tensor:
        """Centre of each latent's window, (d, 2), in pixels (y, x)."""
        at = torch.stack((self.places // self.columns, self.places % self.columns), 1)
        return (at + 1) * self.stride - self.stride // 2 - 0.5

    @property
    def tile_latents(self) -> Tensor:
        """The latents of the four corners that meet in each tile, (tiles, 4); -1 where there is none."""
        numbers = torch.arange(1, self.latents + 1, device=self.places.device)
        return self._at_tiles(numbers[:, None])[..., 0] - 1

    @property
    def latent_tiles(self) -> Tensor:
        """The four tiles that each latent's window covers, (d, 4), in the order of the corners that it has in them."""
        across = self.columns + 1
        first = self.places // self.columns * across + self.places % self.columns
        return first[:, None] + torch.tensor([0, 1, across, across + 1], device=first.device)

    def row_of_tiles(self, frames: Tensor, row: int, margin: int = 0) -> Tensor:
        """Cut one row of tiles out of frames, each with some pixels around it.

        Parameters
        ----------
        frames : Tensor (n, Y, X)
            Pictures.
        row : int
            Number of the row, 0 to `rows`.
        margin : int
            How many pixels m around a tile are taken as well.

        Returns
        -------
        Tensor (columns + 1, n, (s + 2·m)²)
            In the order of `cut`; beyond the edge, pixels equal the outermost ones.
        """
        size = self.stride + 2 * margin
        first = row * self.stride - self._padding[2] - margin
        at = torch.arange(first, first + size, device=frames.device).clamp(0, self.frame_shape[0] - 1)
        beside = (self._padding[0] + margin, self._padding[1] + margin)
        strip = pad(frames[:, at], beside, mode="replicate")
        return strip.unfold(2, size, self.stride).permute(2, 0, 1, 3).flatten(2)

    def cut(self, frames: Tensor) -> Tensor:
        """Cut frames (n, Y, X) into tiles (tiles, n, s²), with zeros beyond the edge."""
        return self._as_tiles(frames).flatten(3).flatten(0, 1)

    def store(self, frames: Tensor, tiles: Tiles, first: int) -> None:
        """Cut frames (n, Y, X), and write them to tiles from the frame `first` on."""
        if tiles.units is not None:
            tiles.store(frames, first, self.columns + 1, self._padding[0])
            return
        s = self.stride
        grid = tiles.values.view(self.rows + 1, self.columns + 1, -1, s, s)
        grid[:, :, first : first + len(frames)] = self._as_tiles(frames)

    def _as_tiles(self, frames: Tensor) -> Tensor:
        """View frames (n, Y, X), padded with zeros, as (rows + 1, columns + 1, n, s, s)."""
        s = self.stride
        tiles = pad(frames, self._padding).view(-1, self.rows + 1, s, self.columns + 1, s)
        return tiles.permute(1, 3, 0, 2, 4)

    def join(self, tiles: Tensor) -> Tensor:
        """Put tiles (tiles, n, s²) together to frames (n, Y, X)."""
        s, rows, columns = self.stride, self.rows, self.columns
        frames = tiles.view(rows + 1, columns + 1, -1, s, s).permute(2, 0, 3, 1, 4)
        frames = frames.reshape(-1, (rows + 1) * s, (columns + 1) * s)
        left, top = self._padding[0], self._padding[2]
        return frames[:, top : top + self.frame_shape[0], left : left + self.frame_shape[1]]

    def _latents(self, products: Tensor) -> Tensor:
        """Add up the products of tiles and corners (tiles, 4, n) to latents (n, d)."""
        latents = to_places(products, self.rows, self.columns).flatten(0, 1)
        return latents.T if self._is_full else latents.index_select(0, self.places).T

    def _at_tiles(self, values: Tensor) -> Tensor:
        """Arrange one row per latent (d, n) as the four that meet in each tile, (tiles, 4, n)."""
        return to_tiles(self._on_grid(values).view(self.rows, self.columns, -1))

    def _on_grid(self, values: Tensor) -> Tensor:
        """Put one row per latent (d, …) on all grid places, zero where a place is empty."""
        if self._is_full:
            return values
        grid = values.new_zeros(self.rows * self.columns, values.shape[1])
        return grid.index_copy(0, self.places, values)

    @property
    def _is_full(self) -> bool:
        return self.latents == self.rows * self.columns

    def _busiest(self, count: int, activity: Tensor | None) -> Tensor:
        """Return the grid places of the `count` windows with most activity, in reading order."""
        everywhere = torch.arange(self.rows * self.columns)
        if count == len(everywhere) or activity is None:
            return everywhere[:count]
        power = pad(activity[None, None].double() ** 2, self._padding)
        busy = avg_pool2d(power, 2 * self.stride, self.stride).flatten()
        return busy.argsort(descending=True, stable=True)[:count].sort().values


def count_places(frame_shape: tuple[int, int], stride: int) -> int:
    """Return how many places of a grid cover a frame."""
    return math.prod(math.ceil(size / stride) for size in frame_shape)


def _stride(frame_shape: tuple[int, int], latents: int) -> int:
    """Return the distance between grid places at which the grid has just enough room for all latents."""
    stride = max(frame_shape)
    while stride > 1 and count_places(frame_shape, stride) < latents:
        stride -= 1
    return max(math.ceil(size / math.ceil(size / stride)) for size in frame_shape)
