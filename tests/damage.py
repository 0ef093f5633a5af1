"""Files that were damaged, a little different each time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from napari_calcdyn.recording import InputError, Movie

TIMES = int(os.environ.get("CALCDYN_MUTATIONS", "200"))  # how often a file of each format is damaged
_MOST_SECONDS = 2.0


def mutated(content: bytes, random: np.random.Generator, reach: int = 3000) -> bytes:
    """Flip some bytes, mostly where the structure is, or cut the file."""
    data = bytearray(content)
    if random.random() < 0.25:
        return bytes(data[: random.integers(0, len(data))])
    reach = len(data) if random.random() < 0.5 else min(len(data), reach)
    for at in random.integers(0, reach, random.integers(1, 12)):
        data[at] = random.integers(0, 256)
    return bytes(data)


def damaged(
    files: Sequence[Path],
    *calls: Callable[[], object],
    times: int = TIMES,
    damage: Callable[[bytes, np.random.Generator], bytes] = mutated,
) -> list[str]:
    """Damage one file after another, and make all calls each time.

    Parameters
    ----------
    files : sequence of Path
        Taken in turns; whole again afterwards.
    calls : callable
        Each may raise `InputError` with one sentence within two seconds, and nothing else.
    times : int
        How often.
    damage : callable
        Returns the damaged content of a file.

    Returns
    -------
    list of str
        The sentences.
    """
    random, refused = np.random.default_rng(1), []
    for number in range(times):
        file = files[number % len(files)]
        whole = file.read_bytes()
        file.write_bytes(damage(whole, random))
        for call in calls:
            start = time.process_time()
            try:
                call()
            except InputError as error:
                refused.append(str(error))
            assert time.process_time() - start < _MOST_SECONDS
        file.write_bytes(whole)
    assert refused
    assert all(it.endswith(".") and "\n" not in it for it in refused)
    return refused


def ends(movie: Movie) -> None:
    """Read the first and the last frames of a movie."""
    movie.frames(0, 4)
    movie.frames(movie.n_frames - 4, movie.n_frames)
