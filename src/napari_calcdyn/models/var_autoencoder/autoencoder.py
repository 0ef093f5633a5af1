"""What every network of the ℓ1-VAR autoencoder does: frames to latents that have a place, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from .grid import Grid
from .tiles import Tiles


class Autoencoder(Grid, ABC):
    """Encoder and decoder with one latent at each place of a grid that is used.

    Training and errors look at the pixels that can be used and at no others. What a network has to know of these comes
    from `within`, once for many frames.
    """

    keeps_variance = False
    """Whether a latent's variance is about the variance that it has in the picture."""

    @abstractmethod
    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalised frames (n, Y, X) to latents (n, d)."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents (n, d) to normalised frames (n, Y, X)."""

    @abstractmethod
    def within(self, used: Tensor) -> Tensor:
        """Return what the methods below need, where `used` (tiles, s²) is 1 at pixels that can be used, else 0."""

    @abstractmethod
    def encode_tiles(self, tiles: Tiles, within: Tensor | None = None) -> Tensor:
        """Encode normalised frames that are cut into tiles, 0 where pixels are not used, to latents (n, d)."""

    @abstractmethod
    def noise_variance(self, pixels: Tensor, within: Tensor) -> Tensor:
        """Return the variance (d,) in the latents of independent noise of the pixels, of variance (tiles, s²)."""

    @abstractmethod
    def squared_error(
        self, tiles: Tiles, latents: Tensor, within: Tensor, *, squares: Tensor | None = None
    ) -> Tensor:
        """Return how far frames are from what their own latents (n, d) decode to, ``‖x − D(z)‖²``, (n,).

        Differentiable. `squares` are the frames' sums of squares, where they are known.
        """

    @abstractmethod
    def prediction_error(
        self, tiles: Tiles, latents: Tensor, predicted: Tensor, within: Tensor, *, squares: Tensor
    ) -> Tensor:
        """Return how far frames with these latents are from what predicted ones decode to, ``‖x − D(ẑ)‖²``, (n,)."""

    @abstractmethod
    def distance(self, one: Tensor, other: Tensor, within: Tensor) -> Tensor:
        """Return ``‖D(z₁) − D(z₂)‖²`` of latents (n, d), (n,)."""

    @abstractmethod
    def orient(self) -> None:
        """Choose signs so that a latent goes up where its patch gets brighter."""

    def change(self, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return what a deviation of the latents (n, d) from their mean (d,) adds to frames, (n, Y, X)."""
        return self.decode(mean + deviation) - self.decode(mean[None])

    @abstractmethod
    def mean_derivative(self, mean: Tensor, predicted: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the derivative of the decoder, averaged along the ways from the mean latents to predicted ones.

        Parameters
        ----------
        mean : Tensor (d,)
            μ.
        predicted : Tensor (n, d)
            What all sources predict, as deviations ẑ from the mean.

        Returns
        -------
        callable
            Takes what some of the sources predict, δ (n, d), and returns its contribution (n, Y, X), the path integral
            ``∫₀¹ J_D(μ + α ẑ) δ dα``. The contributions of parts that add up to ẑ add up to ``D(μ + ẑ) − D(μ)``, to
            better than 1e-3.
        """
