"""In what the two models differ, for the panel that both have and for the work behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from psygnal import SignalInstance

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.state import DynamicsState, NeuronState
    from napari_calcdyn.models.model import Model


@dataclass(frozen=True)
class ModelKind:
    """A kind of model: what it is trained on, how, and what follows."""

    topic: Literal["dynamics", "neurons"]  # the dock that shows it, and the part of a session that holds it
    config: Any  # class of its settings, with ``preset(name)``
    presets: Mapping[str, str]  # what each of its presets is for
    matters: Callable[[dict[str, Any]], dict[str, bool]]  # of settings that others make use of, or not
    train_tip: str  # tooltip of the button that trains
    curves: Mapping[str, tuple[str, str]]  # heading and tooltip of each learning curve
    samples: str  # what is held out, as "frames"
    training: str  # title of the job that trains
    stoppable: tuple[str, ...]  # titles of the jobs that the button stops: the training and what follows it
    data: Callable[[Session], Any]  # what a session has to train on; None where it is missing
    data_changed: Callable[[Session], SignalInstance]
    missing: str  # what to say where there is nothing to train on
    model: Callable[[], type[Model[Any, Any]]]  # its class; called in a worker, as it imports torch
    follow: Callable[[Session], object]  # is called once the model of a session is that of its data
    exchanged: str  # what to do where the data was exchanged while a model was trained
    loaded: str  # … or is missing after one was loaded
    caution: Callable[[Session], tuple[str, str]]  # what is wrong with the data, in a line, and in full
    basic: tuple[str, ...] = ()  # settings that are always to be seen
    prepare: Callable[[Any], object] = lambda model: None  # computes in the worker what is shown first
    load: Callable[[Session, Path, str], bool] | None = (
        None  # loads it in its own way, with what lies beside it in a result folder; on a device
    )
    check: Callable[[Any, Any, str], object] = lambda data, config, device: (
        None
    )  # refuses in the worker what is too large

    def state(self, session: Session) -> DynamicsState | NeuronState:
        """Return the part of a session that holds the model."""
        state: DynamicsState | NeuronState = getattr(session, self.topic)
        return state
