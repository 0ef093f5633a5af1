"""What is known in one viewer, by question: a model each for the recording, its ROIs, and the answers.

A field that is replaced emits ``events.<field>(new, old)`` of its model.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from psygnal import SignalGroupDescriptor

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from napari_calcdyn.analysis.influence.influence import Influence
    from napari_calcdyn.analysis.maps import ContributionMaps, PathMaps
    from napari_calcdyn.analysis.neurons.neurons import Neurons
    from napari_calcdyn.models.avae.model import AVAE
    from napari_calcdyn.models.progress import Progress
    from napari_calcdyn.models.var.model import VAR
    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Behaviour, Movie, MovieStatistics, RoiSet, Traces
    from napari_calcdyn.recording.movies import Corrections
    from napari_calcdyn.recording.quality import Quality

    from .between import BetweenCells
    from .compared import Compared


def by_identity(*fields: str) -> SignalGroupDescriptor:
    """Return signals of fields that hold large arrays and models: a change is another object, not another value."""
    return SignalGroupDescriptor(equality_operators=dict.fromkeys(fields, operator.is_))


def same_objects(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether both hold the same objects, in order."""
    return len(one) == len(other) and all(map(operator.is_, one, other))


@dataclass(eq=False)
class RecordingState:
    """The movie, and what was measured or noted while it was recorded."""

    events: ClassVar[SignalGroupDescriptor] = by_identity(
        "movie", "raw", "version", "quality", "layer", "statistics", "behaviour"
    )

    movie: Movie | None = None  # what is analysed: `raw`, or after the check its corrected `version`
    raw: Movie | None = None  # the recording as it is stored
    version: Movie | None = None
    quality: Quality | None = None  # what the check measured, and frames and pixels that were marked by hand
    kinds: tuple[str, ...] = ()  # corrections that are switched on
    unchecked: str = ""  # why nothing is known about the recording, as after Stop
    layer: weakref.ref[Image] | None = None  # the image layer that shows the movie
    statistics: MovieStatistics | None = None
    behaviour: Behaviour | None = None  # a sample for each frame of the movie
    behaviour_path: Path | None = None  # what it was opened from
    marked: bool = False  # whether frames or pixels were marked by hand

    @property
    def source(self) -> Movie | None:
        """The recording that is analysed, whatever is corrected in it: two versions of one have the same source."""
        return self.raw if self.movie is not None and self.movie is self.version else self.movie

    def take(self, movie: Movie | None) -> None:
        """Analyse another recording; nothing is known about it yet."""
        self.quality = self.version = self.statistics = None
        self.kinds, self.unchecked, self.marked = (), "", False
        self.raw = self.movie = movie

    def correct(self, version: Movie) -> None:
        """Analyse another version of the same recording."""
        self.statistics = None
        self.version = version
        self.movie = version


@dataclass(eq=False)
class DynamicsState:
    """The ℓ1-VAR autoencoder and its maps."""

    events: ClassVar[SignalGroupDescriptor] = by_identity("model", "var", "maps", "history", "mapped_with")

    model: VARAutoencoder | None = None
    var: VAR | None = None  # the point of the lasso path that is shown
    maps: ContributionMaps | None = (
        None  # of this point, except for the amplitude, which is of the chosen one
    )
    chosen: ContributionMaps | None = None  # of the point that the training chose
    path: PathMaps | None = None  # what the maps of other points are computed from
    history: tuple[Progress, ...] = ()  # of the training that the learning curves show
    mapped_with: Corrections | None = None  # of the recording that the maps are of
    loaded_from: Path | None = None  # the folder of a model that was not trained here

    def take(self, model: VARAutoencoder, folder: Path | None = None) -> None:
        """Make a fitted model the one that is shown; maps of the one before are forgotten."""
        self.maps = self.chosen = self.path = None
        self.loaded_from = folder
        self.model, self.var = model, model.var


@dataclass(eq=False)
class RoiState:
    """The ROIs, and which of them are picked out; ids are compared by value so that linked views come to rest."""

    events: ClassVar[SignalGroupDescriptor] = by_identity("loaded", "path", "layer")

    loaded: RoiSet | None = None
    path: Path | None = None  # what they were opened from
    found: bool = False  # whether they are cells that were found in the movie
    exchanged: bool | None = (
        None  # whether y and x are, compared with their file; None: not, and nobody was asked
    )
    layer: weakref.ref[Labels] | None = None  # the labels layer that shows them: value = position + 1
    selected: tuple[int, ...] = ()  # ids that are picked out, in every view, in the order picked
    pinned: tuple[int, ...] = ()  # ids that stay in the Inspector, to compare others with


@dataclass(frozen=True, eq=False)
class ShownTraces:
    """Traces that belong to no ROI, as of neurons made up by the model; (n, T) in the unit of the traces."""

    title: str
    values: NDArray[np.float32]


@dataclass(eq=False)
class NeuronState:
    """Traces of single neurons, the AVAE, and the neurons as it describes them."""

    events: ClassVar[SignalGroupDescriptor] = by_identity(
        "fluorescence", "traces", "columns", "model", "history", "mapped_with", "result", "shown_traces"
    )

    fluorescence: Traces | None = None  # as extracted or opened
    traces: Traces | None = None  # the same after ΔF/F, where that is wanted: what models are trained on
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # of the traces, from the user's table
    model: AVAE | None = None
    history: tuple[Progress, ...] = ()
    mapped_with: AVAE | None = None  # the model that `result` is of, until the map of another one is drawn
    result: Neurons | None = None
    shown_traces: ShownTraces | None = None  # in place of those of the selected ROIs
    loaded_from: Path | None = None  # the folder of a model that was not trained here

    def take(self, model: AVAE, folder: Path | None = None) -> None:
        """Make a fitted model the one that is shown."""
        self.loaded_from = folder
        self.model = model


@dataclass(eq=False)
class AnswerState:
    """What was asked of the dynamics."""

    events: ClassVar[SignalGroupDescriptor] = by_identity("influence", "comparison", "between")

    influence: Influence | None = None  # which ROI drives which, by the point of the path that is shown
    comparison: Compared | None = None  # of two stretches of time, and what was asked
    between: BetweenCells | None = None  # which cell drives which, and its maps
