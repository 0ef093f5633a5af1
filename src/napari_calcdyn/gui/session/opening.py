"""What is known while a session is opened from disk, for those who bring back what they kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_calcdyn.recording.errors import InputError

if TYPE_CHECKING:
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, ProgressCallback, RoiSet

_MOVED = "The recording {} is no longer where it was when the session was saved: show where it is now."


class MovieMovedError(InputError):
    """A recording that is not where it was; `name` is what the session calls it."""

    def __init__(self, name: str) -> None:
        super().__init__(_MOVED.format(name))
        self.name = name


@dataclass(eq=False)
class Opening:
    """What is known while a session is opened.

    Parameters
    ----------
    folder : Path
        Of the session, or of the results that are opened as one.
    progress : callable
        Called with units done and in all; returns True to stop.
    moved : dict of str to Path
        Where recordings are now that were not found, by their names.
    movie : Movie or None
        The recording as it is analysed.
    others : dict of str to Movie
        The other recordings in the window, by the names of their layers.
    rois : RoiSet or None
        The ROIs.
    model : VARAutoencoder or None
        The model of the recording.
    """

    folder: Path
    progress: ProgressCallback
    moved: dict[str, Path] = field(default_factory=dict)
    movie: Movie | None = None
    others: dict[str, Movie] = field(default_factory=dict)
    rois: RoiSet | None = None
    model: VARAutoencoder | None = None
