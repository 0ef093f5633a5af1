"""Where what is predicted shows in the picture, tile by tile."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder


class Canvas(Protocol):
    """Tiles of a picture, and the targets of a prediction that show in each; a `PatchAutoencoder` is one."""

    stride: int
    rows: int
    columns: int

    @property
    def latents(self) -> int:
        """Number of targets."""

    @property
    def tile_latents(self) -> Tensor:
        """The targets that show in each tile, (tiles, c); -1 where there is none."""

    @property
    def corners(self) -> Tensor:
        """What one unit of each of them adds to the tile, (tiles, c, s²)."""

    def row_of_tiles(self, frames: Tensor, row: int, margin: int = 0) -> Tensor:
        """Cut one row of tiles out of frames; see `PatchAutoencoder.row_of_tiles`."""

    def cut(self, frames: Tensor) -> Tensor:
        """Cut frames (n, Y, X) into tiles (tiles, n, s²)."""

    def join(self, tiles: Tensor) -> Tensor:
        """Put tiles (tiles, n, s²) together to frames (n, Y, X)."""


class RoiCanvas:
    """The footprints of a network, and those of ROIs as further targets.

    A latent's footprint ends with the window of the network, an ROI's where the cell does.

    Parameters
    ----------
    network : PatchAutoencoder
        Its d latents come first.
    pictures : csr_array (N, Y·X)
        What one unit of each ROI adds to a normalised frame.
    """

    def __init__(self, network: PatchAutoencoder, pictures: csr_array) -> None:
        self._network = network
        self.stride, self.rows, self.columns = network.stride, network.rows, network.columns
        self.latents = network.latents + pictures.shape[0]
        height, width = network.frame_shape
        numbers = torch.arange(1, height * width + 1, dtype=torch.float64).view(1, height, width)
        pixel = network.cut(numbers)[:, 0].long().numpy() - 1  # (tiles, s²), -1 beyond the edge
        place = np.empty(height * width, np.int64)
        inside = pixel >= 0
        place[pixel[inside]] = np.flatnonzero(inside.ravel())
        entries = pictures.tocoo()
        tile, offset = np.divmod(place[entries.col], pixel.shape[1])
        pairs, which = np.unique(tile * pictures.shape[0] + entries.row, return_inverse=True)
        tiles, rois = np.divmod(pairs, pictures.shape[0])
        slot = np.arange(len(tiles)) - np.searchsorted(tiles, tiles)
        most = int(slot.max(initial=-1)) + 1
        known = network.tile_latents.cpu()
        shown = torch.full((len(pixel), most), -1, dtype=known.dtype)
        shown[tiles, slot] = torch.from_numpy(rois + network.latents).to(known.dtype)
        drawn = torch.zeros(len(pixel), most, pixel.shape[1])
        drawn[tile, slot[which], offset] = torch.from_numpy(entries.data.astype(np.float32))
        where = network.places.device
        self.tile_latents = torch.cat([known, shown], 1).to(where)
        self.corners = torch.cat([network.corners.detach().cpu(), drawn], 1).to(where)

    def row_of_tiles(self, frames: Tensor, row: int, margin: int = 0) -> Tensor:
        """Cut one row of tiles out of frames, as the network does."""
        return self._network.row_of_tiles(frames, row, margin)

    def cut(self, frames: Tensor) -> Tensor:
        """Cut frames (n, Y, X) into tiles (tiles, n, s²), as the network does."""
        return self._network.cut(frames)

    def join(self, tiles: Tensor) -> Tensor:
        """Put tiles (tiles, n, s²) together to frames (n, Y, X), as the network does."""
        return self._network.join(tiles)

    def absolute(self, values: Tensor) -> Tensor:
        """Return the sum over frames of the absolute value of pictures of values (n, d + N), (Y, X)."""
        with_none = torch.nn.functional.pad(values.T, (0, 0, 0, 1))  # number -1 is the last one
        tiles = with_none[self.tile_latents].mT @ self.corners
        return self.join(tiles.abs_().sum(1, keepdim=True))[0]
