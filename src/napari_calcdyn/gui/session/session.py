"""What the docks of one viewer share: the recording, models, what was found with them, and the running job.

Docks hold no results. They read a `Session` and listen to it; so a dock can be closed and opened again, two
docks never disagree, and a result that arrives late never meets a dead widget. Nothing in a session holds its
viewer strongly.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .state import AnswerState, DynamicsState, NeuronState, RecordingState, RoiState
from .work import WorkState

Part = TypeVar("Part")

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Layer
    from napari.viewer import Viewer

    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie, RoiSet

    AnyLayer = TypeVar("AnyLayer", bound=Layer)


class Session:
    """State of one viewer.

    Parameters
    ----------
    viewer_ref : weakref of napari.Viewer
        The viewer.
    """

    def __init__(self, viewer_ref: weakref.ref[Viewer]) -> None:
        self.viewer_ref = viewer_ref
        self.recording = RecordingState()
        self.dynamics = DynamicsState()
        self.rois = RoiState()
        self.neurons = NeuronState()
        self.answers = AnswerState()
        self.work = WorkState()
        self.docks: set[int] = set()  # those that are open and could show a run, by a token each
        self._panels: dict[int, weakref.ref[Any]] = {}
        self._parts: dict[type[Any], Any] = {}
        self._noted_in: Movie | None = None  # the recording whose behaviour is known
        self.recording.events.movie.connect(self._forget_behaviour)

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, or None once it is gone."""
        return self.viewer_ref()

    @property
    def docks_want_a_recording(self) -> bool:
        """Whether docks are open that take the first movie there is for the recording."""
        return bool(self.docks) and self.recording.movie is None

    @property
    def movie_layer(self) -> Image | None:
        """The layer that shows the movie, or None where it was removed."""
        return self._still_there(self.recording.layer)

    @property
    def roi_labels(self) -> Labels | None:
        """The layer that shows the ROIs, or None where there is none or it was removed."""
        return self._still_there(self.rois.layer)

    @property
    def named_layers(self) -> dict[str, Layer | None]:
        """The layers that the session knows whatever the user calls them, by what they are to it."""
        known = {"movie": self.movie_layer, "rois": self.roi_labels}
        for part in self._parts.values():
            if isinstance(part, SessionPart):
                known |= part.layers()
        return known

    @property
    def panels(self) -> list[Any]:
        """The docks that are open, of either kind, in the order in which they were opened."""
        return [it for reference in self._panels.values() if (it := reference()) is not None]

    def add_panel(self, token: int, panel: object) -> None:
        """Note that a dock is open, held weakly, until `forget_panel`."""
        self._panels[token] = weakref.ref(panel)

    def forget_panel(self, token: int) -> None:
        """Note that a dock was closed."""
        self._panels.pop(token, None)

    def part(self, kind: type[Part]) -> Part:
        """Return what a class makes of this session, made on first use and kept as long as the session."""
        if kind not in self._parts:
            self._parts[kind] = kind(self)  # type: ignore[call-arg]
        part: Part = self._parts[kind]
        return part

    def fitted(self) -> tuple[Movie, VARAutoencoder, VAR] | None:
        """Return the recording, the model and the point of its lasso path; None where one of them is missing."""
        movie, model, var = self.recording.movie, self.dynamics.model, self.dynamics.var
        return None if movie is None or model is None or var is None else (movie, model, var)

    def rois_of_movie(self) -> RoiSet | None:
        """Return the ROIs where they are of the recording's frames."""
        movie, rois = self.recording.movie, self.rois.loaded
        fits = movie is not None and rois is not None and rois.frame_shape == movie.frame_shape
        return rois if fits else None

    def _still_there(self, reference: weakref.ref[AnyLayer] | None) -> AnyLayer | None:
        layer = reference() if reference is not None else None
        viewer = self.viewer
        return layer if viewer is not None and layer is not None and layer in viewer.layers else None

    def on_layer_removing(self, event: Any) -> None:
        """Make OpenGL ready for the deletion of what draws a layer, whoever removes it.

        napari 0.9 deletes it at once, also while the context of the window is current and not that of the canvas; with
        software OpenGL, the next pictures then crash. ``tests/gui/upstream/removed_layer.py`` shows it.
        """
        viewer = self.viewer
        with suppress(AttributeError, RuntimeError):  # a viewer without a window, or one that is being closed
            if viewer is not None:
                viewer.window._qt_viewer.canvas.native.makeCurrent()

    def on_layer_removed(self, event: Any) -> None:
        """Forget the recording when the user deletes its layer; a run on it stops. ROIs stay without theirs."""
        if self.rois.layer is not None and event.value is self.rois.layer():
            self.rois.layer = None
        if self.recording.layer is not None and event.value is self.recording.layer():
            # A model of traces needs no movie.
            if self.work.status is None or self.work.status.topic != "neurons":
                self.work.stop()
            self.work.stop_check()
            self.recording.layer = None
            self.recording.take(None)
            self.work.notice = None  # what was said about this movie in the other dock
            self.work.tell("recording", "The movie's layer was removed: choose or open another one.")

    def on_layer_renamed(self, event: Any) -> None:
        """Call the recording as the user does."""
        layer = self.movie_layer
        for movie in (self.recording.movie, self.recording.source):
            if layer is not None and movie is not None:
                movie.name = layer.name

    def _forget_behaviour(self) -> None:
        """Forget what was noted during the recording before, even where this one is of the same length."""
        if self.recording.source is not self._noted_in:
            self._noted_in = self.recording.source
            self.recording.behaviour = None

    def close(self) -> None:
        """Stop the running job and wait for it; nothing is called back. May be called any number of times."""
        self.work.close()
        for part in self._parts.values():
            if isinstance(part, SessionPart):
                part.close()


class SessionPart:
    """What is made of a session by `Session.part`; it holds the session weakly, so that both go at once.

    Parameters
    ----------
    session : Session
        That keeps it.
    """

    def __init__(self, session: Session) -> None:
        self._session = weakref.ref(session)

    @property
    def session(self) -> Session:
        """The session."""
        session = self._session()
        assert session is not None  # it keeps this
        return session

    def layers(self) -> dict[str, Layer | None]:
        """Return layers that this knows whatever the user calls them, by what they are."""
        return {}

    def close(self) -> None:
        """Stop what is under way. May be called any number of times."""


_sessions: weakref.WeakKeyDictionary[Viewer, Session] = weakref.WeakKeyDictionary()


def session_of(viewer: Viewer) -> Session:
    """Return the session of a viewer, made on first use.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer itself, or the proxy that napari hands to plugins.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _sessions:
        session = _sessions[viewer] = Session(weakref.ref(viewer))
        # napari holds methods weakly
        viewer.layers.events.removing.connect(session.on_layer_removing)
        viewer.layers.events.removed.connect(session.on_layer_removed)
        viewer.layers.events.renamed.connect(session.on_layer_renamed)
    return _sessions[viewer]
