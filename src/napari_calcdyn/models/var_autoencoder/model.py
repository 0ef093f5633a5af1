"""The ℓ1-VAR autoencoder, fitted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_calcdyn.models.devices import resolve_device
from napari_calcdyn.models.var.model import VAR
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, report

from .config import VARAutoencoderConfig
from .network import PatchAutoencoder
from .saving import load_var_autoencoder, save_var_autoencoder
from .windows import NormalisedMovie


@dataclasses.dataclass(eq=False)
class VARAutoencoder:
    """A trained network, the VAR over its latents, and what is needed to go from frames to latents and back.

    Made by `models.fitting.fit_var_autoencoder` or `VARAutoencoder.load`.

    Parameters
    ----------
    config : VARAutoencoderConfig
        Settings it was trained with.
    network : PatchAutoencoder
        Encoder and decoder.
    offset : ndarray (Y, X), float32
        m: the mean frame, or its mean everywhere where the skip is off.
    scale : float
        s, in movie units.
    var : VAR
        Dynamics of the latents.
    metrics : dict
        What was measured on the held-out frames, and how the model was made.
    """

    config: VARAutoencoderConfig
    network: PatchAutoencoder
    offset: NDArray[np.float32]
    scale: float
    var: VAR
    metrics: dict[str, Any]

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of a frame in pixels."""
        return self.network.frame_shape

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.places.device

    @property
    def latent_centres(self) -> NDArray[np.float32]:
        """Centre of each latent's window, (d, 2), in pixels (y, x)."""
        return self.network.centres.float().cpu().numpy()

    @torch.no_grad()
    def encode(self, frames: NDArray[Any]) -> NDArray[np.float32]:
        """Encode frames.

        Parameters
        ----------
        frames : ndarray (n, Y, X)
            In movie units.

        Returns
        -------
        ndarray (n, d), float32
            Latents.
        """
        normalised = (np.asarray(frames, np.float32) - self.offset) / np.float32(self.scale)
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
            ``m + s·D(z)``, in movie units.
        """
        decoded = self.network.decode(torch.from_numpy(np.asarray(latents, np.float32)).to(self.device))
        frames: NDArray[np.float32] = decoded.cpu().numpy()
        return self.offset + np.float32(self.scale) * frames

    def normalised(self, movie: Movie) -> NormalisedMovie:
        """Return the movie as the network sees it."""
        self.check_frame_shape(movie)
        return NormalisedMovie(movie, self.offset, self.scale, self.device)

    @torch.no_grad()
    def latents(self, movie: Movie, progress: ProgressCallback | None = None) -> NDArray[np.float32]:
        """Encode a whole recording, block by block.

        Parameters
        ----------
        movie : Movie
            Of the frame size that the model was trained on.
        progress : callable or None
            Called with frames done and in all; returns True to stop.

        Returns
        -------
        ndarray (T, d), float32
            Latents in time order.

        Raises
        ------
        InputError
            If the frames have another size.
        Cancelled
            If `progress` asked to stop.
        """
        return encode_movie(self.network, self.normalised(movie), range(movie.n_frames), progress)

    def check_frame_shape(self, movie: Movie) -> None:
        """Refuse a recording of another frame size.

        Parameters
        ----------
        movie : Movie
            The recording.

        Raises
        ------
        InputError
            If height or width differ.
        """
        if movie.frame_shape != self.frame_shape:
            mine, its = (" × ".join(map(str, shape)) for shape in (self.frame_shape, movie.frame_shape))
            raise InputError(
                f"The model was trained on frames of {mine} pixels and {movie.name} has {its}:"
                " train a model on this recording, or open the recording the model was trained on."
            )

    def save(self, folder: str | Path) -> None:
        """Save the model: numbers as safetensors, settings and metrics as JSON.

        Parameters
        ----------
        folder : str or Path
            Made or replaced, in one step: an interrupted save leaves what was there.

        Raises
        ------
        InputError
            If the folder cannot be written, or holds something that is not a model.
        """
        save_var_autoencoder(
            Path(folder), self.config, self.network, self.offset, self.scale, self.var, self.metrics
        )

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> VARAutoencoder:
        """Load a model; nothing in the folder is executed.

        Parameters
        ----------
        folder : str or Path
            What `save` wrote.
        device : str
            ``auto``, ``cuda``, ``mps`` or ``cpu``.

        Returns
        -------
        VARAutoencoder

        Raises
        ------
        InputError
            If the folder holds no model, one of another program, or one that is damaged.
        """
        where = resolve_device(device)
        model = cls(*load_var_autoencoder(Path(folder)))
        model.network.to(where)
        return model


@torch.no_grad()
def encode_movie(
    network: PatchAutoencoder, movie: NormalisedMovie, frames: range, progress: ProgressCallback | None = None
) -> NDArray[np.float32]:
    """Encode consecutive frames of a movie, block by block, to (n, d)."""
    latents = np.empty((len(frames), network.latents), np.float32)
    for start, block in movie.batches(frames.start, frames.stop):
        at = start - frames.start
        latents[at : at + len(block)] = network.encode(block).cpu().numpy()
        report(progress, at + len(block), len(frames))
    return latents
