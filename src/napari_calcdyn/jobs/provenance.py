"""What a result was made from and how, for its files: input, settings, versions, and the command that repeats it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from pydantic import BaseModel

from napari_calcdyn.recording import Movie, RoiSet, Traces
from napari_calcdyn.recording.movies.identity import identity

_PACKAGES = ("napari-calcdyn", "numpy", "scipy", "torch", "numba", "scikit-learn", "openTSNE", "tifffile")

Input = Movie | Traces | RoiSet


def provenance(
    inputs: Sequence[Input],
    settings: BaseModel | None,
    *,
    seed: int | None = None,
    device: str | None = None,
    command_line: str | None = None,
) -> dict[str, Any]:
    """Describe how a result is made.

    Parameters
    ----------
    inputs : sequence of Movie, Traces or RoiSet
        As they are stored, before any correction.
    settings : BaseModel or None
        Settings of the model; None where they are not known.
    seed : int, optional
        Of all random numbers.
    device : str, optional
        Where it was computed, as asked for.
    command_line : str, optional
        What was typed; None where it was done in Python or in the window.

    Returns
    -------
    dict
        As JSON can hold it, under the key ``provenance``.

    Raises
    ------
    InputError
        If an input cannot be read.
    """
    return {
        "provenance": {
            "command_line": command_line,
            "settings": None if settings is None else settings.model_dump(mode="json"),
            "seed": seed,
            "device": device,
            "inputs": [fingerprint(it) for it in inputs],
            "versions": {"Python": platform.python_version(), **versions(*_PACKAGES)},
            "system": platform.platform(terse=True),
            "began": datetime.now().astimezone().isoformat(timespec="seconds"),
        }
    }


def fingerprint(of: Input) -> dict[str, Any]:
    """Describe an input so that another one, or a changed one, has another description.

    Parameters
    ----------
    of : Movie, Traces or RoiSet
        The input.

    Returns
    -------
    dict
        As JSON can hold it: ``kind``, ``name``, what is known of time and space, and ``sha256``, of a few frames of a
        movie, and of everything else whole.

    Raises
    ------
    InputError
        If frames cannot be read.
    """
    if isinstance(of, Movie):
        about = identity(of)
        digest = about.pop("frames")
        return {
            "kind": "movie",
            "name": of.name,
            **about,
            "frame_rate": of.frame_rate,
            "pixel_size": None if of.pixel_size is None else list(map(float, of.pixel_size)),
            "sha256": digest,
        }
    if isinstance(of, Traces):
        return {
            "kind": "traces",
            "name": of.name,
            "shape": list(of.values.shape),
            "files": [str(of.provenance[key]) for key in ("file", "movie") if of.provenance.get(key)],
            "frame_rate": of.frame_rate,
            "unit": of.unit,
            "sha256": _digest(of.values, of.ids),
        }
    weights = of.footprints
    return {
        "kind": "ROIs",
        "name": of.provenance,
        "shape": [len(of), *of.frame_shape],
        "sha256": _digest(weights.indptr, weights.indices, weights.data, of.ids),
    }


def made_from(about: Mapping[str, Any], movie: Movie) -> bool:
    """Tell whether a result was made from a recording, wherever its files are now.

    Parameters
    ----------
    about : mapping
        Content of the JSON file of a result folder.
    movie : Movie
        The recording as it is stored, before any correction.

    Returns
    -------
    bool
        False, too, where the result does not say what it was made from.

    Raises
    ------
    InputError
        If frames cannot be read.
    """
    made = about.get("provenance")
    inputs = made.get("inputs") if isinstance(made, Mapping) else None
    movies = [it for it in inputs or () if isinstance(it, Mapping) and it.get("kind") == "movie"]
    if len(movies) != 1 or movies[0].get("shape") != list(movie.shape):
        return False
    now = fingerprint(movie)
    return all(movies[0].get(it) == now[it] for it in ("dtype", "sha256"))


def _digest(*arrays: Any) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of packages, of those that are there."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
