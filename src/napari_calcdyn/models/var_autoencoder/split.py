"""Split of the frames into training, validation and held-out frames."""

from __future__ import annotations

import numpy as np

from napari_calcdyn.recording import InputError, Movie

from .config import VARAutoencoderConfig

LEAST_FRAMES = 40
_VALIDATION = 0.1


class Split:
    """Split of a recording into blocks of time: training, validation, held out.

    Parameters
    ----------
    training, validation, held_out : int
        Frames in each, in this order.
    """

    def __init__(self, training: int, validation: int, held_out: int) -> None:
        self.training, self.validation, self.held_out = training, validation, held_out

    @property
    def known(self) -> int:
        """Frames that are not held out."""
        return self.training + self.validation

    @classmethod
    def of(cls, movie: Movie, config: VARAutoencoderConfig) -> Split:
        """Split a recording; raises InputError where it is too short."""
        least = max(LEAST_FRAMES, 20 * config.order)
        if movie.n_frames < least:
            raise InputError(
                f"{movie.name} has {movie.n_frames} frames and training of order {config.order} needs at least"
                f" {least}: take a longer recording."
            )
        held_out = round(movie.n_frames * config.held_out)
        validation = max(config.order + 2, round(_VALIDATION * (movie.n_frames - held_out)))
        return cls(movie.n_frames - held_out - validation, validation, held_out)


def check_held_out(movie: Movie, split: Split) -> None:
    """Raise InputError if the last part of a recording is blank; reads a few of its frames."""
    some = np.linspace(split.known, movie.n_frames - 1, 8).astype(int)
    first = movie.frames(some[0], some[0] + 1)
    if all(np.array_equal(movie.frames(at, at + 1), first) for at in some[1:]):
        raise InputError(
            f"The last {split.held_out} frames of {movie.name}, on which errors are measured, are all equal:"
            " remove the blank end of the recording."
        )
