"""What a session keeps of the recording: where its file is, how it is corrected, and its mean frame."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_calcdyn.gui.session.opening import MovieMovedError
from napari_calcdyn.jobs.provenance import fingerprint
from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved, letters
from napari_calcdyn.jobs.saved.session_folder import ENDING, same_recording
from napari_calcdyn.recording import InputError, Movie, MovieStatistics, report
from napari_calcdyn.recording.movies import KINDS
from napari_calcdyn.recording.movies.clipping import Clipping
from napari_calcdyn.recording.packed import load_object, save_object
from napari_calcdyn.recording.quality import Quality, corrections_for
from napari_calcdyn.recording.quality.brightness import Brightness
from napari_calcdyn.recording.writing import replacing

from .check import RecordingCheck
from .finding_out import find_out
from .layer_options import layer_options
from .opened import OPENED, Choice, Opened, opened_by_us, places_of
from .recordings import image_layers, show_mean

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.recording import ProgressCallback

_OTHER = (
    "{} is another recording than the one of the session: choose the one that the session was saved with."
)
_TOGETHER = "Recordings that were opened as one cannot be kept in a session yet: it is not saved."
_MOVIE, _QUALITY, _MEAN = "movie.npy", "quality.npz", "mean.npz"

_known: weakref.WeakKeyDictionary[Movie, dict[str, Any]] = weakref.WeakKeyDictionary()
_in_memory: weakref.WeakKeyDictionary[Image, Movie] = weakref.WeakKeyDictionary()
"""Recordings in no file whose frames were kept: they stay so when another one is opened."""


def keep(session: Session, folder: Path) -> Kept:
    """Keep where the recordings in the window are, or all frames of one that is in no file."""
    recording, layer = session.recording, session.movie_layer
    raw, quality, statistics = recording.raw, recording.quality, recording.statistics
    if raw is None or layer is None:
        return Kept()
    about = _about(raw, layer, folder)
    parts: dict[str, Part] = {}
    if not about["paths"]:
        parts["movie"] = _frames(raw)
        _in_memory[layer] = raw
    if quality is not None:
        parts["quality"] = Part((quality,), lambda place, _: save_object(place / _QUALITY, quality))
    if statistics is not None:
        parts["mean"] = Part((statistics,), lambda place, _: save_object(place / _MEAN, statistics))
    opened = [(it, movie) for it in image_layers(session) if it is not layer and (movie := _other(it))]
    others = [_about(movie, it, folder) for it, movie in opened]
    for number, (other, (_, movie)) in enumerate(zip(others, opened, strict=True)):
        if not other["paths"]:
            other["part"] = f"other{letters(number)}"
            parts[other["part"]] = _frames(movie)
    if any(len(it.parts) > 1 for it in (raw, *(movie for _, movie in opened))):
        raise InputError(_TOGETHER)
    values = {
        "movie": about,
        "others": others,
        "kinds": list(recording.kinds),
        "unchecked": recording.unchecked,
        "marked": recording.marked,
    }
    movies = [raw, *(movie for _, movie in opened)]  # frames are read of each, to know it again
    return Kept(values, parts, lambda: {"fingerprints": [_fingerprint(it) for it in movies]})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Open the recordings again, where they are now, without checking them anew."""
    if not saved.values:
        return lambda: None
    values, parts = saved.values, saved.parts
    own = {name: place / _MOVIE for name, place in parts.items()}
    fingerprints = values["fingerprints"]
    opened = _open(values["movie"], fingerprints[0], opening, own.get("movie"))
    others = [
        _open(about, made, opening, own.get(str(about.get("part"))))
        for about, made in zip(values["others"], fingerprints[1:], strict=True)
    ]
    raw = opening.movie = opened.movie
    kinds = tuple(it for it in KINDS if it in values["kinds"])
    quality, version, statistics = None, raw, None
    if "quality" in parts:
        quality = load_object(parts["quality"] / _QUALITY, Quality, brightness=Brightness, clipping=Clipping)
        sizes = {it.shape for it in quality.pixels.values()} | {quality.reference.shape}
        if sizes != {raw.frame_shape} or quality.frames != raw.n_frames:
            raise InputError("The check in the session is not of its recording: save the session again.")
        version = opening.movie = raw.corrected(corrections_for(quality, kinds))
        _ = version.data  # not on the GUI thread
    if "mean" in parts:
        statistics = load_object(parts["mean"] / _MEAN, MovieStatistics)
        if not statistics.mean.shape == statistics.std.shape == raw.frame_shape:
            raise InputError("The mean frame in the session is not of its recording: save the session again.")
    names = [str(about["layer"]) for about in (values["movie"], *values["others"])]
    options = [
        layer_options(it.movie) | {"name": name} for it, name in zip((opened, *others), names, strict=True)
    ]
    opening.others = {name: it.movie for it, name in zip(others, names[1:], strict=True)}

    def show() -> None:
        viewer, recording = session.viewer, session.recording
        if viewer is None:
            return
        layers = []
        for it, how in zip((opened, *others), options, strict=True):
            how["metadata"] |= {OPENED: it}
            layers.append(viewer.add_image(it.movie.data, **how))
        recording.layer = weakref.ref(layers[0])
        recording.take(raw)
        session.work.stop_check()  # which a panel began that saw the layer come
        recording.marked = bool(values.get("marked"))
        if quality is not None:
            session.part(RecordingCheck).bring_back(quality, kinds, version)
        elif values["unchecked"]:
            recording.unchecked = str(values["unchecked"])
        else:
            session.part(RecordingCheck).start()
        if statistics is not None:
            recording.statistics = statistics
            show_mean(session, version, statistics)

    return show


def _other(layer: Image) -> Movie | None:
    """Return a recording that is open beside the session's; None for a layer that the room of the layers keeps."""
    opened = opened_by_us(layer)
    return opened.movie if opened is not None else _in_memory.get(layer)


def _frames(movie: Movie) -> Part:
    return Part((movie,), lambda place, progress: _write_frames(place / _MOVIE, movie, progress))


def _about(movie: Movie, layer: Image, folder: Path) -> dict[str, Any]:
    """Say where a recording is, seen from the session, and which part of its file it is."""
    opened, places = opened_by_us(layer), places_of(movie, layer)
    if any(parent.suffix == ENDING for it in places for parent in it.parents):
        places = []  # its frames are in a session, and go into this one
    return {
        "name": movie.name,
        "layer": layer.name,
        "paths": [_seen_from(folder, it) for it in places],
        "absolute": [str(it) for it in places],
        "choice": asdict(opened.choice) if opened is not None else {},
        "frame_rate": movie.frame_rate,
        "pixel_size": None if movie.pixel_size is None else list(map(float, movie.pixel_size)),
    }


def _open(about: dict[str, Any], made: dict[str, Any], opening: Opening, own: Path | None = None) -> Opened:
    """Open a recording as it was opened before."""
    name = str(about["name"])
    paths = [own] if own is not None else _places(about, opening)
    choice = Choice(axes="TYX") if own is not None else Choice(**about["choice"]) if about["choice"] else None
    found = find_out(paths[0] if len(paths) == 1 else list(paths), choice)
    if not isinstance(found, Opened):
        raise InputError(found.text)
    if not same_recording(made, found.movie):
        raise InputError(_OTHER.format(paths[0].name))
    report(opening.progress, 0, 0)
    movie, rate, size = found.movie, about["frame_rate"], about["pixel_size"]
    movie.name = name
    movie.frame_rate = None if rate is None else float(rate)
    movie.pixel_size = None if size is None else (float(size[0]), float(size[1]))
    return found


def _places(about: dict[str, Any], opening: Opening) -> list[Path]:
    """Return the files of a recording: beside the session, where they were, or where the user says that they are."""
    if about["name"] in opening.moved:
        return [opening.moved[about["name"]]]
    beside = [Path(os.path.normpath(opening.folder.absolute() / it)) for it in about["paths"]]
    for places in (beside, [Path(it) for it in about["absolute"]]):
        if places and all(it.exists() for it in places):
            return places
    raise MovieMovedError(about["name"])


def _seen_from(folder: Path, path: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:  # on another drive
        return str(path)


def _fingerprint(movie: Movie) -> dict[str, Any]:
    if movie not in _known:
        _known[movie] = fingerprint(movie)
    return _known[movie]


def _write_frames(file: Path, movie: Movie, progress: ProgressCallback) -> None:
    """Write all frames of a recording that is in no file."""
    with replacing(file) as beside:
        frames = np.lib.format.open_memmap(beside, mode="w+", dtype=movie.dtype, shape=movie.shape)
        for start, block in movie.blocks():
            frames[start : start + len(block)] = block
            report(progress, start, movie.n_frames)
        frames.flush()
        del frames  # an open file is not renamed everywhere
