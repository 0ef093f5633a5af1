"""What the docks of one viewer share: the recording, models, what was found with them, and the running job.

Docks hold no results. They read a `Session` and listen to it; so a dock can be closed and opened again, two
docks never disagree, and a result that arrives late never meets a dead widget. Nothing in a session holds its
viewer strongly.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from napari.utils.notifications import show_warning
from psygnal import SignalGroupDescriptor

from napari_calcdyn.gui.background.job import Job, Latest, Work

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from napari.layers import Image, Labels
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.analysis.maps.contribution import ContributionMaps
    from napari_calcdyn.analysis.neurons.neurons import Neurons
    from napari_calcdyn.models.avae.model import AVAE
    from napari_calcdyn.models.training import Progress
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Behaviour, Movie, MovieStatistics, RoiSet, Traces

    from .compared import Compared

Topic = Literal["recording", "dynamics", "neurons", "inspector", "compare", "behaviour"]


@dataclass(frozen=True)
class Notice:
    """One sentence for the user, and the dock it belongs to."""

    topic: Topic
    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Status:
    """How far the running job has come; `fraction` in 0..1, `eta` in seconds, None where unknown."""

    topic: Topic
    stage: str
    fraction: float | None = None
    eta: float | None = None


@dataclass(frozen=True, eq=False)
class ShownTraces:
    """Traces that belong to no ROI, as of neurons made up by the model; (n, T) in the unit of the traces."""

    title: str
    values: NDArray[np.float32]


_RECORDING = ("movie", "layer", "statistics", "model", "var", "maps", "history")
_NEURONS = (
    "rois",
    "roi_path",
    "roi_layer",
    "fluorescence",
    "traces",
    "columns",
    "avae",
    "avae_history",
    "mapped_with",
    "neurons",
)
_QUESTIONS = ("influence", "comparison", "behaviour")
# Results are large arrays and models: a change is a change of identity, never a comparison of values.
_EQUAL: dict[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(
        (*_RECORDING, *_NEURONS, *_QUESTIONS, "shown_traces", "job", "status", "notice"), operator.is_
    ),
    **dict.fromkeys(
        ("selected", "pinned"), operator.eq
    ),  # so that two views that follow each other come to rest
}


@dataclass(eq=False)
class Session:
    """State of one viewer; a field that is replaced emits ``session.events.<field>(new, old)``."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor(equality_operators=_EQUAL)

    viewer_ref: weakref.ref[Viewer]
    movie: Movie | None = None
    layer: weakref.ref[Image] | None = None  # the image layer that shows the movie
    statistics: MovieStatistics | None = None
    model: VARAutoencoder | None = None
    var: VAR | None = None  # the point of the lasso path that is shown
    maps: ContributionMaps | None = None
    history: tuple[Progress, ...] = ()  # of the run that the learning curves show
    rois: RoiSet | None = None
    roi_path: Path | None = None  # what they were opened from
    roi_layer: weakref.ref[Labels] | None = None  # the labels layer that shows them: value = position + 1
    fluorescence: Traces | None = None  # as extracted or opened
    traces: Traces | None = None  # the same after ΔF/F, where that is wanted: what models are trained on
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # of the traces, from the user's table
    avae: AVAE | None = None
    avae_history: tuple[Progress, ...] = ()
    mapped_with: AVAE | None = None  # the model that `neurons` are of, until the map of another one is drawn
    neurons: Neurons | None = None
    selected: tuple[int, ...] = ()  # ids of the ROIs that are picked out, in every view, in the order picked
    pinned: tuple[int, ...] = ()  # ids of the ROIs that stay in the Inspector, to compare others with
    influence: Influence | None = (
        None  # which ROI drives which, of these ROIs by the point of the path that is shown
    )
    comparison: Compared | None = None  # of two stretches of time, and what was asked
    behaviour: Behaviour | None = None  # what the animal did, a sample for each frame of the movie
    shown_traces: ShownTraces | None = None  # in place of those of the selected ROIs
    job: Job | None = None
    status: Status | None = None
    notice: Notice | None = None

    def __post_init__(self) -> None:
        """Make what is not a field, as it is never replaced."""
        self.latest = Latest()

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, or None once it is gone."""
        return self.viewer_ref()

    @property
    def movie_layer(self) -> Image | None:
        """The layer that shows the movie, or None where it was removed."""
        layer = self.layer() if self.layer is not None else None
        viewer = self.viewer
        return layer if viewer is not None and layer is not None and layer in viewer.layers else None

    @property
    def roi_labels(self) -> Labels | None:
        """The layer that shows the ROIs, or None where there is none or it was removed."""
        layer = self.roi_layer() if self.roi_layer is not None else None
        viewer = self.viewer
        return layer if viewer is not None and layer is not None and layer in viewer.layers else None

    def start(
        self,
        topic: Topic,
        title: str,
        work: Work,
        done: Callable[[Any], None],
        progressed: Callable[[list[Any]], None] | None = None,
        stopped: str = "",
    ) -> bool:
        """Run `work` in the background, unless a job is under way; returns whether it was started.

        Parameters
        ----------
        topic : str
            The dock that shows progress and errors.
        title : str
            What is under way, in a few words.
        work : callable
            See `Job`; it reports `Status` objects where `progressed` is None.
        done : callable
            Called with the result on the GUI thread.
        progressed : callable, optional
            Called with what was reported since the last call.
        stopped : str
            What to say when it was stopped without a result.
        """
        if self.job is not None:
            self.tell(
                topic,
                f"“{self.job.title}” is still under way: wait for it to end, or press Stop first.",
                True,
            )
            return False
        job = Job(title, work)
        job.progressed.connect(progressed or self._show_last)
        job.ended.connect(self._forget)
        job.failed.connect(lambda text: self.tell(topic, text, True))
        job.cancelled.connect(lambda: self.tell(topic, stopped or f"{title} was stopped."))
        job.done.connect(done)
        self.notice = None
        self.status = Status(topic, f"{title} …")
        self.job = job
        job.start()
        return True

    def tell(self, topic: Topic, text: str, is_error: bool = False) -> None:
        """Show one sentence in a dock; an error also as a napari notification."""
        self.notice = Notice(topic, text, is_error)
        if is_error:
            show_warning(text)

    def stop(self) -> None:
        """Ask the running job to stop; it ends within a second and keeps what it has."""
        if self.job is not None and not self.job.stopping:
            self.job.stop()
            if self.status is not None:
                self.status = Status(self.status.topic, "Stopping …")

    def close(self) -> None:
        """Stop the running job and wait for it; nothing is called back. May be called any number of times."""
        self.latest.close()
        if self.job is not None:
            self.job.close()
            self._forget()

    def on_layer_removed(self, event: Any) -> None:
        """Forget the recording when the user deletes its layer; a run on it stops. ROIs stay without theirs."""
        if self.roi_layer is not None and event.value is self.roi_layer():
            self.roi_layer = None
        if self.layer is not None and event.value is self.layer():
            if self.status is None or self.status.topic != "neurons":  # a model of traces needs no movie
                self.stop()
            self.layer = self.movie = self.statistics = None
            self.notice = None  # what was said about this movie in the other dock
            self.tell("recording", "The movie's layer was removed: choose or open another one.")

    def on_layer_renamed(self, event: Any) -> None:
        """Call the recording as the user does."""
        layer = self.movie_layer
        if layer is not None and self.movie is not None:
            self.movie.name = layer.name

    def _show_last(self, statuses: list[Status]) -> None:
        if self.job is not None and not self.job.stopping:
            self.status = statuses[-1]

    def _forget(self) -> None:
        self.status = None
        self.job = None


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
        viewer.layers.events.removed.connect(session.on_layer_removed)
        viewer.layers.events.renamed.connect(session.on_layer_renamed)
    return _sessions[viewer]
