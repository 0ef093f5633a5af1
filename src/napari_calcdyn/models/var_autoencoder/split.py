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

    def training_frames(self, movie: Movie) -> int:
        """Return how many of the frames to train on can be used."""
        return int(movie.valid_frames[: self.training].sum())

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
        split = cls(movie.n_frames - held_out - validation, validation, held_out)
        for name, start, stop in (
            ("train on", 0, split.training),
            ("validate", split.training, split.known),
            ("measure errors on", split.known, movie.n_frames),
        ):
            usable = int(movie.valid_frames[start:stop].sum())
            if usable < (stop - start) / 2:
                raise InputError(
                    f"Of the {stop - start} frames {start}:{stop} of {movie.name}, which are there to {name}, {usable}"
                    " can be used: cut away the bad part of the recording."
                )
        return split


def check_held_out(movie: Movie, split: Split) -> None:
    """Raise InputError if the last part of a recording is blank; reads a few of its frames."""
    usable = split.known + np.flatnonzero(movie.valid_frames[split.known :])
    some = usable[np.linspace(0, len(usable) - 1, 8).astype(int)]
    first = movie.frames(some[0], some[0] + 1)
    if all(np.array_equal(movie.frames(at, at + 1), first, equal_nan=True) for at in some[1:]):
        raise InputError(
            f"The last {split.held_out} frames of {movie.name}, on which errors are measured, are all equal:"
            " remove the blank end of the recording."
        )
