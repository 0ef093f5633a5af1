"""The autoencoder: shared patch shapes, mixed anew at every place."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

PIXELS_PER_LATENT = 8
MOST_AUTOMATIC_LATENTS = 1024


def automatic_latents(frame_shape: tuple[int, int], training_frames: int) -> int:
    """Return how many latents a recording gets when nobody says.

    Parameters
    ----------
    frame_shape : tuple of int
        Height and width in pixels.
    training_frames : int
        A VAR with more predictors than samples explains anything; two frames for each latent is the least.

    Returns
    -------
    int
        One per 8 × 8 pixels, at most 1024, at most half the training frames.
    """
    places = math.prod(math.ceil(size / PIXELS_PER_LATENT) for size in frame_shape)
    return max(4, min(places, MOST_AUTOMATIC_LATENTS, training_frames // 2))


class PatchAutoencoder(nn.Module):
    """Convolution with stride, then a mixture of its channels at each place; the decoder mirrors it.

    With patch shapes ``K_h`` (shared by all places, ``2·stride`` pixels wide), a latent at place j is
    ``z_j = Σ_h M_jh ⟨K_h, x around j⟩``, and the picture is ``Σ_j z_j Σ_h M'_jh K'_h`` moved to place j. Places
    that share everything (one mixture) cannot follow the outline of a cell; places that share nothing learn noise.
    Linear, as fluorescence is: footprints times traces. So latents stay local, the decoder's derivative is the same
    everywhere, and a map of what a latent contributes is exact.

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
        self.stride = _widest_stride(frame_shape, latents)
        self.rows, self.columns = math.ceil(height / self.stride), math.ceil(width / self.stride)
        window = 2 * self.stride
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
        shapes = torch.randn(kernels, 1, window, window, generator=draw) / window
        mixture = torch.randn(kernels, latents, generator=draw) / math.sqrt(kernels)
        self.encoder_shapes = nn.Parameter(shapes.clone())
        self.decoder_shapes = nn.Parameter(shapes.clone())
        self.encoder_mixture = nn.Parameter(mixture.clone())
        self.decoder_mixture = nn.Parameter(mixture.clone())

    @property
    def latents(self) -> int:
        """Number of latents d."""
        return self.places.numel()

    @property
    def centres(self) -> Tensor:
        """Centre of each latent's window, (d, 2), in pixels (y, x)."""
        at = torch.stack((self.places // self.columns, self.places % self.columns), 1)
        return (at + 1) * self.stride - self.stride // 2 - 0.5

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to latents (n, d)."""
        features = conv2d(pad(frames[:, None], self._padding), self.encoder_shapes, stride=self.stride)
        return (features.flatten(2)[:, :, self.places] * self.encoder_mixture).sum(1)

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents (n, d) to normalised frames (n, Y, X)."""
        features = latents[:, None, :] * self.decoder_mixture
        count, kernels = features.shape[:2]
        grid = features.new_zeros(count, kernels, self.rows * self.columns)
        grid = grid.index_copy(2, self.places, features).view(count, kernels, self.rows, self.columns)
        frames = conv_transpose2d(grid, self.decoder_shapes, stride=self.stride)[:, 0]
        left, top = self._padding[0], self._padding[2]
        return frames[:, top : top + self.frame_shape[0], left : left + self.frame_shape[1]]

    def _busiest(self, count: int, activity: Tensor | None) -> Tensor:
        """Return the grid places of the `count` windows in which most happens, in reading order."""
        everywhere = torch.arange(self.rows * self.columns)
        if count == len(everywhere) or activity is None:
            return everywhere[:count]
        power = pad(activity[None, None].double() ** 2, self._padding)
        window = torch.ones(1, 1, 2 * self.stride, 2 * self.stride, dtype=torch.float64)
        busy = conv2d(power, window, stride=self.stride).flatten()
        return busy.argsort(descending=True, stable=True)[:count].sort().values


def _widest_stride(frame_shape: tuple[int, int], latents: int) -> int:
    """Return the largest distance between grid places that leaves room for all latents."""
    stride = max(frame_shape)
    while stride > 1 and math.prod(math.ceil(size / stride) for size in frame_shape) < latents:
        stride -= 1
    return stride
