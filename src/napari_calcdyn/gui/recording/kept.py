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
from napari_calcdyn.recording.movies import KINDS, Corrections
from napari_calcdyn.recording.movies.clipping import Clipping
from napari_calcdyn.recording.movies.saved_corrections import as_arrays, from_arrays
from napari_calcdyn.recording.packed import load_object, load_packed, save_object, save_packed
from napari_calcdyn.recording.quality import Quality, corrections_for
from napari_calcdyn.recording.quality.brightness import Brightness
from napari_calcdyn.recording.writing import replacing

from .check import RecordingCheck
from .finding_out import find_out
from .layer_options import layer_options
from .opened import OPENED, Choice, Opened, opened_by_us, places_of, places_of_opened
from .recordings import image_layers, show_mean
from .together import joined

if TYPE_CHECKING:
    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.recording import ProgressCallback

_OTHER = (
    "{} is another recording than the one of the session: choose the one that the session was saved with."
)
_TOGETHER = (
    "{} was made of recordings that are not all in files of their own: the session is not saved. Save each as a file,"
    " and open them as one."
)
_MOVIE, _QUALITY, _MEAN, _CORRECTIONS = "movie.npy", "quality.npz", "mean.npz", "{}.npz"

_known: weakref.WeakKeyDictionary[Movie, dict[str, Any]] = weakref.WeakKeyDictionary()
_in_memory: weakref.WeakKeyDictionary[Image, Movie] = weakref.WeakKeyDictionary()
"""Recordings in no file whose frames were kept: they stay so when another one is opened."""


def keep(session: Session, folder: Path) -> Kept:
    """Keep where the recordings in the window are, or all frames of one that is in no file."""
    recording, layer = session.recording, session.movie_layer
    raw, quality, statistics = recording.raw, recording.quality, recording.statistics
    if raw is None or layer is None:
        return Kept()
    parts: dict[str, Part] = {}
    if quality is not None:
        parts["quality"] = Part((quality,), lambda place, _: save_object(place / _QUALITY, quality))
    if statistics is not None:
        parts["mean"] = Part((statistics,), lambda place, _: save_object(place / _MEAN, statistics))
    opened = [(it, movie) for it in image_layers(session) if it is not layer and (movie := _other(it))]
    about = _kept(raw, layer, folder, "movie", parts)
    others = [
        _kept(movie, it, folder, f"other{letters(number)}", parts)
        for number, (it, movie) in enumerate(opened)
    ]
    if not about.get("recordings") and not about["paths"]:
        _in_memory[layer] = raw
    values = {
        "movie": about,
        "others": others,
        "kinds": list(recording.kinds),
        "unchecked": recording.unchecked,
        "marked": recording.marked,
    }
    shown = [(layer, raw), *opened]  # frames are read of each, to know it again
    return Kept(values, parts, lambda: {"fingerprints": [_known_by(movie, it) for it, movie in shown]})


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Open the recordings again, where they are now, without checking them anew."""
    if not saved.values:
        return lambda: None
    values, parts = saved.values, saved.parts
    values["movie"].setdefault("part", "movie")  # which sessions of before do not say
    opened, *others = (
        _open(about, made, opening, parts.get(str(about.get("part"))))
        for about, made in zip((values["movie"], *values["others"]), values["fingerprints"], strict=True)
    )
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


def _kept(movie: Movie, layer: Image, folder: Path, part: str, parts: dict[str, Part]) -> dict[str, Any]:
    """Say where a recording is; what is in no file is added to the parts."""
    opened = opened_by_us(layer)
    joined = opened.joined if opened is not None else ()
    about = {"name": movie.name, "layer": layer.name, **_measures(movie)}
    if joined:
        recordings = [it for it, _ in joined]
        about["recordings"] = [_about(it.movie, it, places_of_opened(it), folder) for it in recordings]
        done = tuple(it for _, it in joined)
        parts[part] = Part(done, lambda place, _: _write_corrections(place, done))
    elif len(movie.parts) == 1:
        about |= _about(movie, opened, places_of(movie, layer), folder)
        if not about["paths"]:
            parts[part] = Part(
                (movie,), lambda place, progress: _write_frames(place / _MOVIE, movie, progress)
            )
    if len(movie.parts) > 1 and not (joined and all(it["paths"] for it in about["recordings"])):
        raise InputError(_TOGETHER.format(movie.name))
    return about if part not in parts else {**about, "part": part}


def _measures(movie: Movie) -> dict[str, Any]:
    size = movie.pixel_size
    return {
        "frame_rate": movie.frame_rate,
        "pixel_size": None if size is None else list(map(float, size)),
    }


def _about(movie: Movie, opened: Opened | None, places: list[Path], folder: Path) -> dict[str, Any]:
    """Say where a recording is, seen from the session, and which part of its file it is."""
    if any(parent.suffix == ENDING for it in places for parent in it.parents):
        places = []  # its frames are in a session, and go into this one
    return {
        "name": movie.name,
        "paths": [_seen_from(folder, it) for it in places],
        "absolute": [str(it) for it in places],
        "choice": asdict(opened.choice) if opened is not None else {},
        **_measures(movie),
    }


def _open(about: dict[str, Any], made: dict[str, Any], opening: Opening, part: Path | None = None) -> Opened:
    """Open a recording as it was opened before."""
    if "recordings" in about:
        several = zip(about["recordings"], made["recordings"], strict=True)
        recordings = [_open(it, its, opening) for it, its in several]
        found = joined(recordings, _corrections(part, recordings), opening.progress)
    else:
        found = _open_one(about, made, opening, None if part is None else part / _MOVIE)
    movie, rate, size = found.movie, about["frame_rate"], about["pixel_size"]
    movie.name = str(about["name"])
    movie.frame_rate = None if rate is None else float(rate)
    movie.pixel_size = None if size is None else (float(size[0]), float(size[1]))
    return found


def _open_one(about: dict[str, Any], made: dict[str, Any], opening: Opening, own: Path | None) -> Opened:
    paths = [own] if own is not None else _places(about, opening)
    choice = Choice(axes="TYX") if own is not None else Choice(**about["choice"]) if about["choice"] else None
    found = find_out(paths[0] if len(paths) == 1 else list(paths), choice)
    if not isinstance(found, Opened):
        raise InputError(found.text)
    if not same_recording(made, found.movie):
        raise InputError(_OTHER.format(paths[0].name))
    report(opening.progress, 0, 0)
    return found


def _corrections(part: Path | None, recordings: list[Opened]) -> list[Corrections]:
    """Read how recordings were corrected; nothing where they have to be checked."""
    if part is None:
        return []
    found = [
        from_arrays(*load_packed(part / _CORRECTIONS.format(number))) for number in range(len(recordings))
    ]
    for it, of in zip(found, recordings, strict=True):
        if (*it.valid_frames.shape, *it.valid_pixels.shape) != of.movie.shape:
            raise InputError(
                "The corrections in the session are not of its recordings: save the session again."
            )
    return found


def _write_corrections(place: Path, corrections: tuple[Corrections, ...]) -> None:
    for number, it in enumerate(corrections):
        save_packed(place / _CORRECTIONS.format(number), *as_arrays(it))


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


def _known_by(movie: Movie, layer: Image) -> dict[str, Any]:
    """Return what tells the recording from others; of several that were joined, each as it is stored."""
    opened = opened_by_us(layer)
    if opened is not None and opened.joined:
        return {"recordings": [_fingerprint(it.movie) for it, _ in opened.joined]}
    return _fingerprint(movie)


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
