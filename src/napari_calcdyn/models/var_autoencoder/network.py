"""Network of the ℓ1-VAR autoencoder: shared patch shapes, mixed differently at every place."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from napari_calcdyn.models.var.neighbours import MOST_FULL

from .places import to_places, to_tiles
from .tiles import Tiles

MOST_AUTOMATIC_LATENTS = 4096
NEIGHBOURS = 29
"""Latents within three steps of one on a full grid, itself included."""


def automatic_latents(frame_shape: tuple[int, int], training_frames: int, spacing: float) -> int:
    """Return the automatic number of latents.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width in pixels.
    training_frames : int
        A VAR with more predictors than samples fits anything, so each predictor of a latent needs at least two frames.
    spacing : float
        Distance between adjacent latents, px, as from `latent_spacing`.

    Returns
    -------
    int
        As many as fit into the frame, at most 4096. Half the training frames at most, where all latents are predictors
        of each, or where there are hardly enough frames for its neighbours.
    """
    stride = int(spacing)
    while (places := _places(frame_shape, stride)) > MOST_AUTOMATIC_LATENTS:
        stride += 1  # a grid that is full, as cells at empty places would be lost
    enough = training_frames // 2
    if places <= MOST_FULL or enough < NEIGHBOURS:
        places = min(places, enough)
    return max(4, places)


class PatchAutoencoder(nn.Module):
    """Convolution with stride, then a mixture of its channels at each place; the decoder mirrors it.

    With patch shapes ``K_h`` (shared by all places, ``2·stride`` pixels wide), place j has the footprint
    ``f_j = Σ_h M_jh K_h``; its latent is ``z_j = ⟨f_j, x around j⟩``, and the picture is the sum of the footprints,
    each times its latent. If all places shared one mixture, they could not follow the outlines of cells; if they shared
    nothing, they would fit noise.

    Encoder and decoder share the footprints. Reconstruction then makes them nearly orthonormal, so that a latent's
    variance is the variance it has in the picture. With a separate encoder, two neighbouring latents can have the same
    large predictable fluctuation with opposite signs. It cancels in the picture, costs nothing, and makes any error
    relative to the latents' variance look small.

    The network is linear, as fluorescence is the sum of footprints times traces. Latents stay local, the decoder's
    derivative is the same everywhere, and contribution maps are exact.

    No convolution is computed: every ``stride × stride`` tile of the image is multiplied by the four footprints that
    cover it.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width of a frame in pixels; any.
    latents : int
        Number of latents d, at most the number of pixels. They sit on a square grid; where the grid has more places
        than d, those with the least `activity` stay empty.
    kernels : int
        Number of patch shapes.
    activity : Tensor (Y, X), optional
        How much each pixel changes, such as its standard deviation.
    seed : int
        Of the initial weights.
    """

    places: Tensor

    def __init__(
        self,
        frame_shape: tuple[int, int],
        latents: int,
        kernels: int,
        *,
        activity: Tensor | None = None,
        seed: int = 0,
    ) -> None:
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
        draw = torch.Generator().manual_seed(seed)
        shapes = torch.randn(kernels, (2 * self.stride) ** 2, generator=draw) / (2 * self.stride)
        mixture = torch.randn(latents, kernels, generator=draw) / math.sqrt(kernels)
        self.shapes = nn.Parameter(shapes)
        self.mixture = nn.Parameter(mixture)

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
    def footprints(self) -> Tensor:
        """Footprint of each latent, (d, (2·stride)²): ``Σ_h M_jh K_h``."""
        return self.mixture @ self.shapes

    @property
    def tile_latents(self) -> Tensor:
        """The latents of the four corners that meet in each tile, (tiles, 4); -1 where there is none."""
        numbers = torch.arange(1, self.latents + 1, device=self.places.device)
        return self._at_tiles(numbers[:, None])[..., 0] - 1

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

    @property
    def corners(self) -> Tensor:
        """The footprints as the four corners that meet in each tile, (tiles, 4, s²)."""
        return self.corners_of(self.mixture, self.shapes)

    def corners_of(self, mixture: Tensor, shapes: Tensor) -> Tensor:
        """Mix shapes (h, (2·stride)²) to the `corners` of footprints; `mixture` is (d, h)."""
        s = self.stride
        mixtures = self._at_tiles(mixture).transpose(0, 1)
        quarters = shapes.view(-1, 2, s, 2, s).permute(1, 3, 0, 2, 4).reshape(4, -1, s**2)
        return torch.bmm(mixtures, quarters).transpose(0, 1)

    def corners_in(self, used: Tensor) -> Tensor:
        """Return the corners of the footprints, (tiles, 4, s²), where `used` (tiles, s²) is 1, and 0 where it is 0."""
        return self.corners * used[:, None]

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to latents (n, d)."""
        return self._latents(self.corners @ self.cut(frames).mT)

    def encode_tiles(self, tiles: Tiles, corners: Tensor | None = None) -> Tensor:
        """Encode normalised frames that are cut into tiles to latents (n, d)."""
        return self._latents(tiles.times(self.corners if corners is None else corners))

    def noise_variance(self, pixels: Tensor, corners: Tensor) -> Tensor:
        """Return the variance (d,) in the latents of independent noise of the pixels, of variance (tiles, s²)."""
        return self._latents(corners.square() @ pixels[:, :, None])[0]

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents (n, d) to normalised frames (n, Y, X)."""
        return self.join(self._at_tiles(latents.T).mT @ self.corners)

    def absolute(self, latents: Tensor) -> Tensor:
        """Return the sum over frames of the absolute value of decoded latents (n, d), (Y, X)."""
        tiles = self._at_tiles(latents.T).mT @ self.corners
        return self.join(tiles.abs_().sum(1, keepdim=True))[0]

    def power(self, latents: Tensor, corners: Tensor) -> Tensor:
        """Return the sum of squares of decoded frames over the pixels that are used, without decoding them.

        Parameters
        ----------
        latents : Tensor (n, d)
            Latents.
        corners : Tensor (tiles, 4, s²)
            The footprints in these pixels, from `corners_in`.

        Returns
        -------
        Tensor (n,)
            ``‖D(z)‖²``, from the products of footprints that meet in a tile.
        """
        overlaps = _Overlaps.apply(corners)  # type: ignore[no-untyped-call]
        power: Tensor = _Power.apply(overlaps, self._at_tiles(latents.T))  # type: ignore[no-untyped-call]
        return power

    def squared_error(
        self, tiles: Tiles, latents: Tensor, corners: Tensor, *, squares: Tensor | None = None
    ) -> Tensor:
        """Return how far frames are from what their latents decode to, without decoding them.

        Encoder and decoder share footprints, so that ``⟨x, D(z)⟩ = ‖z‖²``.

        Parameters
        ----------
        tiles : Tiles
            Frames, 0 where pixels are not used.
        latents : Tensor (n, d)
            Latents of all of them, as encoded.
        corners : Tensor (tiles, 4, s²)
            As in `power`.
        squares : Tensor (n,), optional
            Their sums of squares, where they are known.

        Returns
        -------
        Tensor (n,)
            ``‖x − D(z)‖²``, differentiable in the latents.
        """
        squares = tiles.squares() if squares is None else squares
        return squares - 2 * latents.square().sum(1) + self.power(latents, corners)

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

    @torch.no_grad()
    def begin_with(self, footprints: Tensor) -> None:
        """Take the patch shapes and mixtures that come closest to these footprints (d, (2·stride)²)."""
        mixture, sizes, shapes = torch.linalg.svd(footprints, full_matrices=False)
        kept = min(len(self.shapes), len(sizes))
        even = sizes[:kept].mean().clamp_min(1e-12)  # shapes of one length learn at one speed
        self.mixture.zero_()
        self.mixture[:, :kept] = mixture[:, :kept] * (sizes[:kept] / even.sqrt())
        self.shapes[:kept] = shapes[:kept] * even.sqrt()

    @torch.no_grad()
    def orient(self) -> None:
        """Give every footprint a positive sum, so that a latent goes up where its patch gets brighter."""
        self.mixture.mul_(torch.where(self.footprints.sum(1) < 0, -1.0, 1.0)[:, None])

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


class _Overlaps(torch.autograd.Function):
    """``corners @ cornersᵀ``, with one product in place of two for the gradient."""

    @staticmethod
    def forward(ctx: Any, corners: Tensor) -> Tensor:
        ctx.save_for_backward(corners)
        return corners @ corners.mT

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        corners: Tensor
        (corners,) = ctx.saved_tensors
        return (gradient + gradient.mT) @ corners


class _Power(torch.autograd.Function):
    """``Σ zᵀ P z`` over tiles, (n,), of the four latents z (tiles, 4, n) and the overlaps P (tiles, 4, 4) in each."""

    @staticmethod
    def forward(ctx: Any, overlaps: Tensor, latents: Tensor) -> Tensor:
        weighted = overlaps @ latents
        ctx.save_for_backward(latents, weighted)
        return (weighted * latents).sum((0, 1))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        latents, weighted = ctx.saved_tensors
        return (latents * gradient) @ latents.mT, weighted * (2 * gradient)


def _places(frame_shape: tuple[int, int], stride: int) -> int:
    return math.prod(math.ceil(size / stride) for size in frame_shape)


def _stride(frame_shape: tuple[int, int], latents: int) -> int:
    """Return the distance between grid places at which the grid has just enough room for all latents."""
    stride = max(frame_shape)
    while stride > 1 and _places(frame_shape, stride) < latents:
        stride -= 1
    return max(math.ceil(size / math.ceil(size / stride)) for size in frame_shape)
