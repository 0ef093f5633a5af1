"""In what the two models differ, for the panel that both have and for the work behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from psygnal import SignalInstance

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.state import DynamicsState, NeuronState
    from napari_calcdyn.models.training import Progress


@dataclass(frozen=True)
class ModelKind:
    """A kind of model: what it is trained on, how, and what follows.

    Parameters
    ----------
    topic : str
        The dock that shows it, and the part of a session that holds it.
    config : type of BaseModel
        Its settings, with a ``preset(name)``.
    presets : mapping of str to str
        What each of its presets is for.
    matters : callable
        Returns, from the values of all settings, whether each of those that only some others make use of matters.
    train_tip : str
        Tooltip of the button that trains.
    curves : mapping of str to (str, str)
        Heading and tooltip of each learning curve, see `LossPlot`.
    samples : str
        What is held out, as "frames".
    training : str
        Title of the job that trains.
    stoppable : tuple of str
        Titles of the jobs that the button stops: the training and what follows it.
    data, data_changed : callable
        Return what a session has to train on, None where it is missing, and the signal that tells of another one.
    missing : str
        What to say where it is missing.
    steps : callable
        Called in a worker as ``steps(data, config, device, stop)``; a generator that yields `Progress` and returns
        the model. Loads torch, which opening a dock must not.
    load : callable
        Called in a worker as ``load(folder, device, data)``; returns the model after a check that it fits the data,
        where there is some.
    take : callable
        Called as ``take(session, model)``; makes the model that of the session.
    follow : callable
        Called with the session once its model is that of its data.
    exchanged, loaded : str
        What to do where the data was exchanged while a model was trained, or is missing after one was loaded.
    basic : tuple of str
        Settings that are always to be seen.
    """

    topic: Literal["dynamics", "neurons"]
    config: Any
    presets: Mapping[str, str]
    matters: Callable[[dict[str, Any]], dict[str, bool]]
    train_tip: str
    curves: Mapping[str, tuple[str, str]]
    samples: str
    training: str
    stoppable: tuple[str, ...]
    data: Callable[[Session], Any]
    data_changed: Callable[[Session], SignalInstance]
    missing: str
    steps: Callable[[Any, Any, str, threading.Event], Generator[Progress, None, Any]]
    load: Callable[[Path, str, Any], Any]
    take: Callable[[Session, Any], None]
    follow: Callable[[Session], object]
    exchanged: str
    loaded: str
    basic: tuple[str, ...] = ()

    def state(self, session: Session) -> DynamicsState | NeuronState:
        """Return the part of a session that holds the model."""
        state: DynamicsState | NeuronState = getattr(session, self.topic)
        return state
