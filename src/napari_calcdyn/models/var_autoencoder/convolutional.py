"""Nonlinear convolutional network of the ℓ1-VAR autoencoder: strided convolutions to a map of latents, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad, silu

from .autoencoder import Autoencoder
from .path_derivative import PathDerivative
from .tiles import Tiles

_FIRST_CHANNELS = 8
_GAIN = 1.5  # about what the nonlinearity takes away from the variance
_NOISE_FRAMES = 16
_FIRST_PICTURE = 0.1  # of the last weights; a random picture at full size has to be unlearnt first


class ConvolutionalAutoencoder(Autoencoder):
    """The convolutional autoencoder of Kabus et al. (2026), with latents that keep their place in the image.

    One strided convolution for each prime factor f of the stride, with kernels of 2·f pixels, leads from the pixels to
    feature maps on the grid of places, and from these to one latent at each place. The decoder mirrors it with
    weights of its own. Between the convolutions is a smooth nonlinearity, SiLU, so that path integrals need few nodes.
    All places share all weights.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width of a frame in pixels; any.
    latents : int
        Number of latents d, at most the number of pixels; as for the grid.
    channels : int
        Largest number of feature maps; there are 8 at first, and twice as many after each convolution.
    activity : Tensor (Y, X), optional
        How much each pixel changes, such as its standard deviation.
    seed : int
        Of the initial weights.

    Attributes
    ----------
    reach : range
        Pixels along an axis that a latent is decoded to, counted from the begin of its window.
    """

    def __init__(
        self,
        frame_shape: tuple[int, int],
        latents: int,
        channels: int,
        *,
        activity: Tensor | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(frame_shape, latents, activity)
        self._factors = list(_prime_factors(self.stride)) or [1]
        widths = [1] + [min(channels, _FIRST_CHANNELS * 2**stage) for stage in range(len(self._factors))]
        steps = list(zip(widths[:-1], widths[1:], self._factors, strict=True))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 2 * f, f) for fine, coarse, f in steps)
        self.to_latents = nn.Conv2d(widths[-1], 1, 1)
        self.from_latents = nn.Conv2d(1, widths[-1], 1)
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2 * f, f) for fine, coarse, f in steps[::-1])
        first, last = 0, 0
        for stage, f in enumerate(reversed(self._factors)):
            cut = f // 2 if stage else 0
            first, last = first * f - cut, last * f - cut + 2 * f - 1
        self.reach = range(first, last + 1)
        self._draw_weights(seed)

    @property
    def operations(self) -> int:
        """About how many multiplications and additions decode a frame, or encode one."""
        side, total = 1, 0
        for convolve, f in zip(self.up, reversed(self._factors), strict=True):
            weights = sum(it.numel() for it in convolve.parameters())
            total += 2 * weights * side**2
            side *= f
        return total * self.rows * self.columns

    @property
    def window_margins(self) -> tuple[int, int]:
        """Pixels on the left of a frame and above it that latents are decoded to."""
        return self._padding[0] - self.reach.start, self._padding[2] - self.reach.start

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to latents (n, d)."""
        maps = pad(frames, self._padding)[:, None]
        for stage, (convolve, f) in enumerate(zip(self.down, self._factors, strict=True), 1):
            assert isinstance(convolve, nn.Conv2d)
            margin = f // 2 if stage < len(self._factors) else 0  # the last one takes the windows of the grid
            if margin and f % 2:
                maps = pad(maps, (0, 1, 0, 1))
            maps = silu(conv2d(maps, convolve.weight, convolve.bias, stride=f, padding=margin))
        latents: Tensor = self.to_latents(maps).flatten(1)
        return latents if self._is_full else latents.index_select(1, self.places)

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents (n, d) to normalised frames (n, Y, X)."""
        return self._decode(latents, lambda stage, maps: silu(maps))

    def slopes(self, latents: Tensor) -> list[Tensor]:
        """Return the derivatives of the nonlinearity in front of each convolution of the decoder, at latents (n, d)."""
        slopes: list[Tensor] = []

        def keep(stage: int, maps: Tensor) -> Tensor:
            share = maps.sigmoid()
            shown = maps * share
            slopes.append(share + shown * (1 - share))
            return shown

        self._decode(latents, keep)
        return slopes

    def derivative(self, part: Tensor, slopes: Sequence[Tensor]) -> Tensor:
        """Apply the derivative of the decoder to changes of the latents, at one or several places, and add up.

        Parameters
        ----------
        part : Tensor (n, d)
            Changes.
        slopes : sequence of Tensor (places, n, …)
            From `slopes`. As the last convolution is linear, it is applied to the sum over the places.

        Returns
        -------
        Tensor (n, Y, X)
            Changes of the frames.
        """

        def change(stage: int, maps: Tensor) -> Tensor:
            changes: Tensor = maps.view(-1, len(part), *maps.shape[1:]) * slopes[stage]
            return changes.sum(0) if stage == len(slopes) - 1 else changes.flatten(0, 1)

        return self._decode(part, change, biases=False)

    def mean_derivative(self, mean: Tensor, predicted: Tensor) -> PathDerivative:
        """Return the derivative of the decoder, averaged along the ways from the mean latents to predicted ones."""
        return PathDerivative(self, mean, predicted)

    def _decode(
        self, latents: Tensor, between: Callable[[int, Tensor], Tensor], *, biases: bool = True
    ) -> Tensor:
        """Go from latents to frames, with something done to the feature maps in front of each convolution."""
        grid = self._on_grid(latents.T).T.reshape(-1, 1, self.rows, self.columns)
        maps = conv2d(grid, self.from_latents.weight, self.from_latents.bias if biases else None)
        for stage, (convolve, f) in enumerate(zip(self.up, reversed(self._factors), strict=True)):
            assert isinstance(convolve, nn.ConvTranspose2d)
            bias, cut = convolve.bias if biases else None, f // 2 if stage else 0
            maps = conv_transpose2d(between(stage, maps), convolve.weight, bias, stride=f, padding=cut)
            if stage and f % 2:
                maps = maps[:, :, :-1, :-1]
        left, top = self._padding[0], self._padding[2]
        height, width = self.frame_shape
        return maps[:, 0, top : top + height, left : left + width]

    def within(self, used: Tensor) -> Tensor:
        """Return the pixels that are used, (Y, X); `used` is (tiles, s²)."""
        return self.join(used[:, None])[0]

    def encode_tiles(self, tiles: Tiles, within: Tensor | None = None) -> Tensor:
        """Encode normalised frames that are cut into tiles, 0 where pixels are not used, to latents (n, d)."""
        return self.encode(self._frames(tiles))

    @torch.no_grad()
    def noise_variance(self, pixels: Tensor, within: Tensor) -> Tensor:
        """Return the variance (d,) in the latents of noise of variance `pixels` (tiles, s²) on the mean frame."""
        draw = torch.Generator().manual_seed(0)  # on the processor: the same on every device
        noise = torch.randn(_NOISE_FRAMES, *self.frame_shape, generator=draw).to(pixels)
        return self.encode(noise * self.join(pixels[:, None]).sqrt() * within).var(0)

    def squared_error(
        self, tiles: Tiles, latents: Tensor, within: Tensor, *, squares: Tensor | None = None
    ) -> Tensor:
        """Return how far frames are from what their own latents (n, d) decode to, ``‖x − D(z)‖²``, (n,)."""
        return ((self.decode(latents) - self._frames(tiles)) * within).square().sum((1, 2))

    def prediction_error(
        self, tiles: Tiles, latents: Tensor, predicted: Tensor, within: Tensor, *, squares: Tensor
    ) -> Tensor:
        """Return how far frames are from what predicted latents (n, d) decode to, ``‖x − D(ẑ)‖²``, (n,)."""
        return self.squared_error(tiles, predicted, within)

    def distance(self, one: Tensor, other: Tensor, within: Tensor) -> Tensor:
        """Return ``‖D(z₁) − D(z₂)‖²`` of latents (n, d), (n,)."""
        return ((self.decode(one) - self.decode(other)) * within).square().sum((1, 2))

    @torch.no_grad()
    def orient(self) -> None:
        """Choose the sign of the latents so that they go up where frames get brighter."""
        step = torch.ones(1, self.latents, device=self.places.device)
        if float((self.decode(step) - self.decode(-step)).sum()) < 0:
            for weights in (self.to_latents.weight, self.to_latents.bias, self.from_latents.weight):
                if weights is not None:
                    weights.neg_()

    def _frames(self, tiles: Tiles) -> Tensor:
        return self.join(tiles.dense())

    @torch.no_grad()
    def _draw_weights(self, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        for layer in (*self.down, self.to_latents, self.from_latents, *self.up):
            assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
            inputs = layer.in_channels * math.prod(layer.kernel_size)
            if isinstance(layer, nn.ConvTranspose2d):  # each output sees a part of the kernel
                inputs //= math.prod(layer.stride)
            size = (_FIRST_PICTURE if layer is self.up[-1] else 1.0) * _GAIN / math.sqrt(inputs)
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=draw) * size)
            # in this order in memory, convolutions with few channels take half the time
            layer.weight.data = layer.weight.contiguous(memory_format=torch.channels_last)
            assert layer.bias is not None
            layer.bias.zero_()


def _prime_factors(number: int) -> Iterator[int]:
    """Yield the prime factors in ascending order; none for 1."""
    factor = 2
    while number > 1:
        while number % factor == 0:
            yield factor
            number //= factor
        factor += 1
