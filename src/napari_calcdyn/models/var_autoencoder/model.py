"""The ℓ1-VAR autoencoder: frames to latents and back, and the sparse VAR that predicts the latents."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_calcdyn.models import checkpoint
from napari_calcdyn.models.keeping import Keeper
from napari_calcdyn.models.lasso.local import joined, parts
from napari_calcdyn.models.model import Model
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.var import VAR, Moments, Neighbourhoods, SteadyVAR
from napari_calcdyn.recording import InputError, Movie, ProgressCallback
from napari_calcdyn.recording.movies import Corrections
from napari_calcdyn.recording.quality import correct_movie

from .autoencoder import Autoencoder
from .config import VARAutoencoderConfig
from .fitting import fit_parts
from .network import PatchAutoencoder
from .networks import new_network
from .tiled_frames import encode_movie
from .windows import NormalisedMovie


class VARAutoencoder(Model[VARAutoencoderConfig, Movie]):
    """The ℓ1-VAR autoencoder of Kabus et al. (2026): a sparse VAR trained inside a convolutional autoencoder.

    ``VARAutoencoder(preset="quick", order=2).fit(movie)``; the settings are those of `VARAutoencoderConfig`.

    Time is split in blocks. The last part of the frames, `config.held_out`, is only used to measure errors. The tenth
    before it decides when to stop and which weights to keep, and is used for the final estimate of the VAR as well. Of
    several recordings that were joined (`join`), each is split like that.

    Attributes
    ----------
    config : VARAutoencoderConfig
        Settings.
    network : Autoencoder
        Encoder and decoder.
    offset : ndarray (Y, X), float32
        m: the mean frame, or its mean over all pixels with the skip off.
    scale : float
        s, in movie units.
    var : VAR
        Dynamics of the latents.
    steady : SteadyVAR
        The same with a steadier own past, on which the explained map rests.
    corrections : Corrections or None
        What was corrected in the recording that the model was trained on.
    metrics : dict
        Errors on the held-out frames, and how the model was made.
    """

    kind = checkpoint.VAR_AUTOENCODER
    _config_class = VARAutoencoderConfig

    network: Autoencoder
    offset: NDArray[np.float32]
    scale: float
    var: VAR
    steady: SteadyVAR
    corrections: Corrections | None

    def _fit(
        self, data: Movie, device: str, seed: int, stop: threading.Event | None, keeper: Keeper | None
    ) -> Generator[Progress, None, None]:
        parts = yield from fit_parts(data, self.config, device, seed, stop, keeper)
        vars(self).update(parts)

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.network.frame_shape

    @property
    def footprint_network(self) -> PatchAutoencoder:
        """The network, for what can only be had of one that is linear; InputError if it is convolutional."""
        if not isinstance(self.network, PatchAutoencoder):
            raise InputError(
                "This needs a linear network, and the model's is convolutional: train a model with the network"
                " “footprints”."
            )
        return self.network

    @property
    def latent_centres(self) -> NDArray[np.float32]:
        """Centre of each latent's window, (d, 2), in pixels (y, x)."""
        return self.network.centres.float().cpu().numpy()

    @torch.no_grad()
    def encode(
        self, frames: Movie | NDArray[Any], progress: ProgressCallback | None = None
    ) -> NDArray[np.float32]:
        """Encode a recording, block by block, or some frames.

        Parameters
        ----------
        frames : Movie or ndarray (n, Y, X)
            In movie units, of the frame size that the model was trained on.
        progress : callable or None
            Called with frames done and in all of a `Movie`; returns True to stop.

        Returns
        -------
        ndarray (n, d), float32
            Latents in time order; NaN for frames of a `Movie` that are left out.

        Raises
        ------
        InputError
            If the frames of a `Movie` have another size.
        Cancelled
            If `progress` asked to stop.
        """
        if isinstance(frames, Movie):
            whole = range(frames.n_frames)
            return encode_movie(self.network.encode, self.normalised(frames), whole, progress)
        normalised = np.nan_to_num((np.asarray(frames, np.float32) - self.offset) / np.float32(self.scale))
        return self.network.encode(torch.from_numpy(normalised).to(self.device)).cpu().numpy()

    @torch.no_grad()
    def decode(self, latents: NDArray[np.floating]) -> NDArray[np.float32]:
        """Decode latents.

        Parameters
        ----------
        latents : ndarray (n, d)
            Latents.

        Returns
        -------
        ndarray (n, Y, X), float32
            ``m + s·D(z)``, in movie units; NaN at pixels that were masked in the training.
        """
        decoded = self.network.decode(torch.from_numpy(np.asarray(latents, np.float32)).to(self.device))
        frames: NDArray[np.float32] = decoded.cpu().numpy()
        return self.offset + np.float32(self.scale) * frames

    def corrected(self, movie: Movie, progress: ProgressCallback | None = None) -> Movie:
        """Correct another recording as the one that the model was trained on was.

        Parameters
        ----------
        movie : Movie
            Of the same field of view; one that was checked before is returned as it is.
        progress : callable or None
            Called with frames checked and in all; returns True to stop.

        Returns
        -------
        Movie
            Registered to the same picture, and with the same pixels masked.

        Raises
        ------
        InputError
            If the frames have another size, or nothing of the recording can be used.
        Cancelled
            If `progress` asked to stop.
        """
        self.check(movie)
        if self.corrections is None or movie.corrections is not None:
            return movie
        return correct_movie(movie, like=self.corrections, progress=progress)

    def masked_pixels(self, movie: Movie) -> NDArray[np.bool_]:
        """Tell which pixels are left out, here or in the training, (Y, X).

        Parameters
        ----------
        movie : Movie
            Of the frame size that the model was trained on.

        Returns
        -------
        ndarray (Y, X), bool
            True where maps are NaN.
        """
        masked: NDArray[np.bool_] = ~(movie.valid_pixels & np.isfinite(self.offset))
        return masked

    def normalised(self, movie: Movie) -> NormalisedMovie:
        """Return the normalised movie, the input of the network.

        Parameters
        ----------
        movie : Movie
            Of the frame size that the model was trained on.

        Returns
        -------
        NormalisedMovie
            ``(x[t] − m)/s``, read block by block.

        Raises
        ------
        InputError
            If the frames have another size.
        """
        self.check(movie)
        return NormalisedMovie(movie, self.offset, self.scale, self.device)

    def predict(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Predict each frame from the p frames before it.

        Parameters
        ----------
        frames : ndarray (n, Y, X)
            Consecutive frames, in movie units.

        Returns
        -------
        ndarray (n, Y, X), float32
            ``m + s·D(ẑ[t])``, in movie units; the first p, which have no past, show the mean latents.
        """
        return self.decode(self.var.predict(self.encode(frames)))

    def check(self, data: Movie) -> None:
        """Raise InputError for a recording of another frame size.

        Parameters
        ----------
        data : Movie
            The recording.

        Raises
        ------
        InputError
            If height or width differ.
        """
        if data.frame_shape != self.frame_shape:
            mine, its = (" × ".join(map(str, shape)) for shape in (self.frame_shape, data.frame_shape))
            raise InputError(
                f"The model was trained on frames of {mine} pixels and {data.name} has {its}:"
                " train a model on this recording, or open the recording the model was trained on."
            )

    def _parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        var = self.var
        corrections = self.corrections
        tensors = {
            "offset": torch.from_numpy(self.offset),
            "var.mean": torch.from_numpy(var.mean),
            "var.std": torch.from_numpy(var.std),
            "var.gram": parts(var.moments.gram)[0],
            "var.cov": var.moments.cov,
            "var.variance": var.moments.variance,
            "var.weights": var.weights,
            "var.penalty": var.penalty,
            "steady.own": torch.from_numpy(self.steady.own),
        }
        sizes = {
            "frame_shape": self.frame_shape,
            "latents": self.network.latents,
            "scale": self.scale,
            "smoothing": self.steady.smoothing,
            "samples": var.moments.samples,
            "radius": None if var.neighbourhoods is None else var.neighbourhoods.radius,
            "corrections": None,
        }
        if corrections is not None:
            sizes["corrections"] = {"kinds": corrections.kinds, "line_shift": corrections.line_shift}
            tensors["corrections.valid_pixels"] = torch.from_numpy(corrections.valid_pixels)
            if corrections.reference is not None:
                tensors["corrections.reference"] = torch.from_numpy(corrections.reference)
        return tensors, sizes

    def _restore(self, saved: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        height, width = saved["frame_shape"]
        self.network = new_network(self.config, (height, width), saved["latents"])
        near = None
        if saved.get("radius") is not None:
            self.network.places = tensors["network.places"]
            near = Neighbourhoods.within(self.network.centres, self.network.stride, float(saved["radius"]))
        gram = joined(tensors["var.gram"], None if near is None else near.pairs)
        moments = Moments(gram, tensors["var.cov"], tensors["var.variance"], int(saved["samples"]))
        mean, std = tensors["var.mean"].numpy(), tensors["var.std"].numpy()
        self.var = VAR(mean, std, moments, tensors["var.weights"], tensors["var.penalty"], near)
        self.steady = SteadyVAR(self.var, tensors["steady.own"].numpy(), float(saved["smoothing"]))
        self.offset, self.scale = tensors["offset"].numpy(), float(saved["scale"])
        self.corrections = _corrections(saved.get("corrections"), tensors)
        _check_sizes(self.var, self.steady.own, self.network.latents, self.config.order)
        if self.offset.shape != (height, width):
            raise ValueError("sizes disagree")


def _corrections(saved: dict[str, Any] | None, tensors: dict[str, Tensor]) -> Corrections | None:
    if saved is None:
        return None
    reference = tensors.get("corrections.reference")
    return Corrections(
        tuple(str(kind) for kind in saved["kinds"]),
        np.zeros(0, bool),
        tensors["corrections.valid_pixels"].numpy(),
        line_shift=float(saved["line_shift"]),
        reference=None if reference is None else reference.numpy(),
    )


def _check_sizes(var: VAR, own: NDArray[np.float64], latents: int, order: int) -> None:
    """Raise ValueError if the sizes of the VAR are wrong."""
    moments, near = var.moments, var.neighbourhoods
    gram = parts(moments.gram)[0]
    found = (own, var.mean, var.std, var.penalty, moments.variance, gram, moments.cov, var.weights)
    predictors = order * (latents if near is None else near.neighbours.shape[1])
    square: tuple[int, ...] = (predictors, predictors)
    if near is not None:
        square = (order, order, *near.partners.shape)
    tall = (predictors, latents)
    expected = [(latents,)] * 5 + [square, tall, tall]
    if [tuple(values.shape) for values in found] != expected:
        raise ValueError("sizes disagree")
