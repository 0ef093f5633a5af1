"""What a run has done so far, kept in its folder so that a run that was killed can go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from napari_calcdyn.models.checkpoint import load_numbers, save_numbers, with_prefix, with_prefix_added
from napari_calcdyn.models.devices import resolve_device
from napari_calcdyn.models.keeping import State
from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.recording.movies.identity import identity
from napari_calcdyn.recording.movies.saved_corrections import as_arrays, from_arrays
from napari_calcdyn.recording.writing import writing

_CHECK, _TRAINING = "corrections.safetensors", "training.safetensors"
_RUN = "run"
_RECORDING = "recording"


class UnfinishedRun:
    """The checked recording and the training of a run, each in a file that says which run it belongs to.

    It is the `Keeper` of the training.

    Parameters
    ----------
    folder : Path
        Folder for the files.
    run : dict
        From `described`.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self._folder, self._check, self._training = folder, folder / _CHECK, folder / _TRAINING
        self._run: dict[str, Any] = json.loads(json.dumps(run))

    def compare(self) -> None:
        """Raise InputError if what is kept cannot be read, or belongs to another run."""
        place = self._folder.parent
        for file in filter(Path.exists, (self._check, self._training)):
            try:
                difference = _difference(load_numbers(file)[1][_RUN], self._run)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"The unfinished run in {place} is damaged: repeat the command without --resume."
                ) from error
            if difference:
                raise InputError(
                    f"The unfinished run in {place} had another {difference}: repeat the command without --resume to"
                    " start anew, or choose another folder."
                )

    def remove(self) -> None:
        """Remove what is kept, and what was half-written when a run was killed."""
        with writing(self._folder.parent):
            for file in self._folder.glob(f"*{self._training.suffix}"):
                file.unlink()

    def corrected(
        self, movies: Sequence[Movie], check: Callable[[Sequence[Movie]], list[Movie]]
    ) -> list[Movie]:
        """Correct recordings as they were before, or check them first and keep what was found.

        Parameters
        ----------
        movies : sequence of Movie
            As they are stored.
        check : callable
            Returns them corrected.

        Returns
        -------
        list of Movie
            The corrected recordings.
        """
        stored = all(it.corrections is None for it in movies)
        if stored and self._check.exists():
            tensors, values = load_numbers(self._check)
            kept = [
                from_arrays({name: it.numpy() for name, it in with_prefix(tensors, f"{at}.").items()}, value)
                for at, value in enumerate(values["corrections"])
            ]
            return [movie.corrected(it) for movie, it in zip(movies, kept, strict=True)]
        corrected = check(movies)
        done = [as_arrays(it.corrections) for it in corrected if it.corrections is not None]
        if stored and len(done) == len(corrected):
            tensors = {}
            for at, (arrays, _) in enumerate(done):
                found = {name: torch.tensor(array) for name, array in arrays.items()}
                tensors |= with_prefix_added(found, f"{at}.")
            save_numbers(self._check, tensors, {_RUN: self._run, "corrections": [it for _, it in done]})
        return corrected

    def load(self) -> State | None:
        """Return the state of the training, None before its first step."""
        if not self._training.exists():
            return None
        tensors, values = load_numbers(self._training)
        return State(tensors, values["training"])

    def save(self, state: State) -> None:
        """Keep the state of the training."""
        save_numbers(self._training, state.tensors, {_RUN: self._run, "training": state.values})


def described(
    movie: Movie, model: VARAutoencoderConfig | VARAutoencoder, correct: str | None, device: str, seed: int
) -> dict[str, Any]:
    """Describe a run so that one with another result has another description; parameters as in `jobs.maps.run`.

    Returns
    -------
    dict
        As JSON can hold it, by names that a user knows.

    Raises
    ------
    InputError
        If there is no such device, or the recording cannot be read.
    """
    if isinstance(model, VARAutoencoder):
        settings, metrics, by_default = model.config, model.metrics, "as for the model"
    else:
        settings, metrics, by_default = model, None, "auto"
    return {
        _RECORDING: identity(movie),
        "model": metrics,
        **settings.model_dump(),
        "choice of corrections": correct or by_default,
        "device": resolve_device(device).type,
        "seed": seed,
        "version of the program": version("napari-calcdyn"),
    }


@contextmanager
def unfinished_run(folder: Path, run: dict[str, Any], resume: bool) -> Iterator[UnfinishedRun]:
    """Go on with the run that is kept in a folder, or begin one.

    What is kept stays there if the work inside ends early, unless the user's input is the reason.

    Parameters
    ----------
    folder : Path
        Where the run is kept.
    run : dict
        From `described`.
    resume : bool
        Whether to go on; else what is kept is removed.

    Yields
    ------
    UnfinishedRun
        Empty if there was none.

    Raises
    ------
    InputError
        If `resume` is set, and what is kept is of another run or damaged; it stays as it is.
    """
    kept = UnfinishedRun(folder, run)
    if resume:
        kept.compare()
    else:
        kept.remove()
    try:
        yield kept
    except InputError as error:
        # There may be room on the disk, or in memory, another time.
        if not isinstance(error.__cause__, (OSError, MemoryError)):
            kept.remove()
        raise


def _difference(kept: dict[str, Any], run: dict[str, Any]) -> str | None:
    """Name the first thing in which a run that is kept differs from this one."""
    for name in kept | run:
        before, now = kept.get(name), run.get(name)
        if before == now:
            continue
        if name == _RECORDING:
            return "recording, or its file was changed since"
        plain = not any(isinstance(it, dict) for it in (before, now))
        return name.replace("_", " ") + (f" ({before}, not {now})" if plain else "")
    return None
