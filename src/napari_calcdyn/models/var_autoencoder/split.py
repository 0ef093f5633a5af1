"""Split of the frames into training, validation and held-out frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from napari_calcdyn.models.var.moments import with_past
from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.recording.movies import recorded_frames
from napari_calcdyn.recording.ranges import format_ranges, laid_out

from .config import VARAutoencoderConfig

LEAST_FRAMES = 40
_LEAST_OF_PART = 4  # times the order and two more frames, of each recording
_LEAST_MEASURED = 2  # frames, since errors are shares of a variance
_LEAST_AT_BORDER = 24  # frames, of each recording
_VALIDATION = 0.1


class Split:
    """Split of a recording into blocks of time: training, validation, held out.

    Of several recordings that were joined, each is split, so that all are trained on, and errors are measured on all.

    Parameters
    ----------
    training, validation, held_out : sequence of range
        Frames of the movie in each, one stretch for each recording.

    Attributes
    ----------
    stretches : list of range
        All frames, to be `arranged`: those to train on come first, those that are held out last.
    training, validation, held_out : int
        Frames in each, in this order, with the gaps after them.
    """

    def __init__(
        self, training: Sequence[range], validation: Sequence[range], held_out: Sequence[range]
    ) -> None:
        self.stretches, starts = _in_order(training, validation, held_out)
        self.training, self.validation, self.held_out = np.diff(starts).tolist()
        self._lengths = [
            (len(first), len(second)) for first, second in zip(training, validation, strict=True)
        ]

    @property
    def known(self) -> int:
        """Frames that are not held out, as arranged."""
        return self.training + self.validation

    def around_borders(self, most: int) -> tuple[list[range], list[range]]:
        """Return frames before and after the border between training and validation, of each recording.

        Parameters
        ----------
        most : int
            Frames before the borders, and after them, of all recordings together; each has at least a few.

        Returns
        -------
        before, after : list of range
            Of the movie as arranged, one for each recording.
        """
        trained, validated = zip(*self._lengths, strict=True)
        each = max(_LEAST_AT_BORDER, most // len(trained))
        before = [it[-each:] for it in laid_out(trained)]
        after = [it[:each] for it in laid_out(validated)]
        return before, [range(self.training + it.start, self.training + it.stop) for it in after]

    def training_frames(self, movie: Movie) -> int:
        """Return how many of the frames to train on, of the movie as arranged, can be used."""
        return int(movie.valid_frames[: self.training].sum())

    @classmethod
    def of(cls, movie: Movie, config: VARAutoencoderConfig) -> Split:
        """Split a recording; raises InputError where it is too short."""
        frames = recorded_frames(movie)
        least = max(LEAST_FRAMES, 20 * config.order)
        if frames < least:
            raise InputError(
                f"{movie.name} has {frames} frames and training of order {config.order} needs at least"
                f" {least}: take a longer recording."
            )
        shortest = min(movie.parts, key=lambda it: len(it.frames))
        least = _LEAST_OF_PART * (config.order + 2)
        if len(shortest.frames) < least:
            raise InputError(
                f"{shortest.name} has {len(shortest.frames)} frames and training of order {config.order} needs at least"
                f" {least} of each recording: leave it out."
            )
        training, validation, held_out = [], [], held_out_stretches(movie, config.held_out)
        for part, late in zip(movie.parts, held_out, strict=True):
            known = late.start - part.frames.start
            middle = late.start - max(config.order + 2, round(_VALIDATION * known))
            training.append(range(part.frames.start, middle))
            validation.append(range(middle, late.start))
        for name, stretches in (
            ("train on", training),
            ("validate", validation),
            ("measure errors on", held_out),
        ):
            usable = sum(int(movie.valid_frames[it.start : it.stop].sum()) for it in stretches)
            wanted = sum(map(len, stretches))
            if usable < wanted / 2:
                raise InputError(
                    f"Of the {wanted} frames {format_ranges(stretches)} of {movie.name}, which are there to {name},"
                    f" {usable} can be used: cut away the bad part of the recording."
                )
        if len(movie.parts) > 1:
            check_each_held_out(movie, config)
        return cls(training, validation, held_out)


def held_out_stretches(movie: Movie, share: float) -> list[range]:
    """Return the last frames of a recording, or of each of several that were joined.

    Parameters
    ----------
    movie : Movie
        The recording.
    share : float
        Part of its frames that is held out.

    Returns
    -------
    list of range
        One for each recording.
    """
    frames = [it.frames for it in movie.parts]
    return [range(it.stop - round(len(it) * share), it.stop) for it in frames]


def check_each_held_out(movie: Movie, config: VARAutoencoderConfig) -> None:
    """Raise InputError if errors cannot be measured on a recording, or on one of several that were joined.

    Parameters
    ----------
    movie : Movie
        The recording.
    config : VARAutoencoderConfig
        Settings of the model.

    Raises
    ------
    InputError
        If hardly any of the held-out frames can be used together with the frames before them.
    """
    valid = torch.from_numpy(movie.valid_frames)
    for part, late in zip(movie.parts, held_out_stretches(movie, config.held_out), strict=True):
        block = valid[max(part.frames.start, late.start - config.order) : late.stop]
        if len(block) <= config.order or with_past(block[None], config.order).sum() < _LEAST_MEASURED:
            raise InputError(
                f"{part.name} has no usable frames at its end, on which errors are measured: cut it, or leave it out."
            )


def held_out_last(movie: Movie, share: float) -> tuple[list[range], int]:
    """Return all frames of a movie, to be `arranged` so that those that are held out come last, and the first of them.

    Parameters
    ----------
    movie : Movie
        The recording.
    share : float
        Part of its frames that is held out.

    Returns
    -------
    stretches : list of range
        Of the movie.
    first : int
        Number of the first frame that is held out, as arranged.
    """
    held_out = held_out_stretches(movie, share)
    known = [range(it.frames.start, late.start) for it, late in zip(movie.parts, held_out, strict=True)]
    stretches, starts = _in_order(known, held_out)
    return stretches, starts[1]


def _in_order(*blocks: Sequence[range]) -> tuple[list[range], list[int]]:
    """Return the stretches of all blocks in this order, and where each block begins as arranged, and the last one ends.

    A single recording stays as it is, with nothing between its blocks.
    """
    if len(blocks[0]) == 1:
        stretches = [range(blocks[0][0].start, blocks[-1][0].stop)]
        return stretches, [it[0].start for it in blocks] + [stretches[0].stop]
    stretches = [it for block in blocks for it in block]
    spans = laid_out(map(len, stretches))
    firsts = [spans[at * len(blocks[0])].start for at in range(len(blocks))]
    return stretches, [*firsts, spans[-1].stop]


def check_held_out(movie: Movie, split: Split) -> None:
    """Raise InputError if the last part of a recording is blank; reads a few frames of the movie as arranged."""
    usable = split.known + np.flatnonzero(movie.valid_frames[split.known :])
    some = usable[np.linspace(0, len(usable) - 1, 8).astype(int)]
    first = movie.frames(some[0], some[0] + 1)
    if all(np.array_equal(movie.frames(at, at + 1), first, equal_nan=True) for at in some[1:]):
        raise InputError(
            f"The last {split.held_out} frames of {movie.name}, on which errors are measured, are all equal:"
            " remove the blank end of the recording."
        )
