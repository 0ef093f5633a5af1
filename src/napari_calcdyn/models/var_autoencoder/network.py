"""Network of the ℓ1-VAR autoencoder: shared patch shapes, mixed differently at every place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from napari_calcdyn.models.var.neighbours import MOST_FULL

from .autoencoder import Autoencoder
from .grid import count_places
from .tiles import Tiles, over_tiles

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
    while (places := count_places(frame_shape, stride)) > MOST_AUTOMATIC_LATENTS:
        stride += 1  # a grid that is full, as cells at empty places would be lost
    enough = training_frames // 2
    if places <= MOST_FULL or enough < NEIGHBOURS:
        places = min(places, enough)
    return max(4, places)


class PatchAutoencoder(Autoencoder):
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

    keeps_variance = True

    def __init__(
        self,
        frame_shape: tuple[int, int],
        latents: int,
        kernels: int,
        *,
        activity: Tensor | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(frame_shape, latents, activity)
        draw = torch.Generator().manual_seed(seed)
        shapes = torch.randn(kernels, (2 * self.stride) ** 2, generator=draw) / (2 * self.stride)
        mixture = torch.randn(latents, kernels, generator=draw) / math.sqrt(kernels)
        self.shapes = nn.Parameter(shapes)
        self.mixture = nn.Parameter(mixture)

    @property
    def footprints(self) -> Tensor:
        """Footprint of each latent, (d, (2·stride)²): ``Σ_h M_jh K_h``."""
        return self.mixture @ self.shapes

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

    def within(self, used: Tensor) -> Tensor:
        """Return the corners of the footprints, (tiles, 4, s²), where `used` (tiles, s²) is 1, and 0 where it is 0."""
        return self.corners * used[:, None]

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to latents (n, d)."""
        return self._latents(self.corners @ self.cut(frames).mT)

    def encode_tiles(self, tiles: Tiles, within: Tensor | None = None) -> Tensor:
        """Encode normalised frames that are cut into tiles to latents (n, d)."""
        corners = self.corners if within is None else within
        if tiles.units is None:
            return self._latents(tiles.times(corners))
        return tiles.sums(corners, self.tile_latents.view(self.rows + 1, -1, 4), self.latents).T

    def noise_variance(self, pixels: Tensor, within: Tensor) -> Tensor:
        """Return the variance (d,) in the latents of independent noise of the pixels, of variance (tiles, s²)."""
        return self._latents(within.square() @ pixels[:, :, None])[0]

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
            The footprints in these pixels, from `within`.

        Returns
        -------
        Tensor (n,)
            ``‖D(z)‖²``, from the products of footprints that meet in a tile.
        """
        return self._power(latents, _Overlaps.apply(corners))  # type: ignore[no-untyped-call]

    def squared_error(
        self, tiles: Tiles, latents: Tensor, within: Tensor, *, squares: Tensor | None = None
    ) -> Tensor:
        """Return how far frames are from what their latents decode to, without decoding them.

        Encoder and decoder share footprints, so that ``⟨x, D(z)⟩ = ‖z‖²``.

        Parameters
        ----------
        tiles : Tiles
            Frames, 0 where pixels are not used.
        latents : Tensor (n, d)
            Latents of all of them, as encoded.
        within : Tensor (tiles, 4, s²)
            As in `power`.
        squares : Tensor (n,), optional
            Their sums of squares, where they are known.

        Returns
        -------
        Tensor (n,)
            ``‖x − D(z)‖²``, differentiable in the latents.
        """
        squares = tiles.squares() if squares is None else squares
        # the squares of a latent are spread evenly over the four tiles of its window
        overlaps = _Overlaps.apply(within)  # type: ignore[no-untyped-call]
        return squares + self._power(latents, overlaps - 0.5 * torch.eye(4).to(overlaps))

    def prediction_error(
        self, tiles: Tiles, latents: Tensor, predicted: Tensor, within: Tensor, *, squares: Tensor
    ) -> Tensor:
        """Return how far frames with these latents are from what predicted ones decode to, ``‖x − D(ẑ)‖²``, (n,).

        Encoder and decoder share footprints, so that ``⟨x, D(ẑ)⟩ = ⟨z, ẑ⟩``.
        """
        return squares - 2 * (latents * predicted).sum(1) + self.power(predicted, within)

    def distance(self, one: Tensor, other: Tensor, within: Tensor) -> Tensor:
        """Return ``‖D(z₁) − D(z₂)‖²`` of latents (n, d), (n,)."""
        return self.power(one - other, within)

    def change(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return what a deviation of the latents (n, d) adds to frames, (n, Y, X), whatever their mean is."""
        return self.decode(deviation)

    def mean_derivative(self, mean: Tensor, predicted: Tensor) -> Callable[[Tensor], Tensor]:
        """Return `decode`: the derivative of a linear decoder is the same everywhere."""
        return self.decode

    def _power(self, latents: Tensor, overlaps: Tensor) -> Tensor:
        power: Tensor = _Power.apply(overlaps, latents.T, self)  # type: ignore[no-untyped-call]
        return power

    def _weigh(self, overlaps: Tensor, latents: Tensor) -> Tensor:
        """Return for each latent (d, n) the sum of all that it meets, each times their overlap."""
        if latents.device.type != "cpu":
            return self._latents(overlaps @ self._at_tiles(latents)).T
        weighted = torch.empty_like(latents)
        over_tiles("weigh", self.latents, overlaps, latents, self.tile_latents, self.latent_tiles, weighted)
        return weighted

    def _meetings(self, latents: Tensor, factors: Tensor) -> Tensor:
        """Return the products of latents (d, n) that meet in a tile, each frame times its factor, (tiles, 4, 4)."""
        meeting = self.tile_latents
        if latents.device.type != "cpu":
            at_tiles = self._at_tiles(latents)
            return (at_tiles * factors) @ at_tiles.mT
        products = latents.new_empty(len(meeting), 4, 4)
        over_tiles("meet", len(meeting), latents, factors, meeting, products)
        return products

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
    """``Σ zᵀ P z`` over tiles, (n,), of the latents z (d, n) that meet in each, and their overlaps P (tiles, 4, 4)."""

    @staticmethod
    def forward(ctx: Any, overlaps: Tensor, latents: Tensor, network: PatchAutoencoder) -> Tensor:
        latents = latents.contiguous()
        weighted = network._weigh(overlaps, latents)
        ctx.save_for_backward(latents, weighted)
        ctx.network = network
        return (weighted * latents).sum(0)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        latents, weighted = ctx.saved_tensors
        return ctx.network._meetings(latents, gradient), weighted * (2 * gradient), None
