"""Base of both models: settings, fitting, saving and loading."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from napari_calcdyn.recording import InputError

from .checkpoint import open_checkpoint, save_checkpoint, with_prefix, with_prefix_added
from .devices import resolve_device
from .keeping import Keeper
from .progress import Progress
from .settings import Settings
from .training import drive

Config = TypeVar("Config", bound=Settings)
Data = TypeVar("Data")
_NETWORK = "network."


class NotFittedError(InputError, AttributeError):
    """Error for the use of an attribute that only a fitted model has."""


class Model(ABC, Generic[Config, Data]):
    """A model with the interface of scikit-learn.

    Parameters
    ----------
    config : Settings, optional
        All settings.
    preset : str
        The settings to start from where no `config` is given.
    **settings
        Settings that differ from the preset.

    Raises
    ------
    InputError
        If there is no such preset or setting, or a value is out of bounds.
    """

    kind: ClassVar[str]
    _config_class: ClassVar[type[Settings]]

    config: Config
    network: nn.Module
    metrics: dict[str, Any]
    """Errors on data that were not trained on, and how the model was made."""

    def __init__(self, config: Config | None = None, *, preset: str = "standard", **settings: Any) -> None:
        if config is not None and settings:
            raise InputError(
                f"Settings were given twice, as config and as {', '.join(settings)}: give either."
            )
        self.config = config or self._config_class.preset(preset, **settings)  # type: ignore[assignment]

    if not TYPE_CHECKING:  # else every attribute would be known to be there

        def __getattr__(self, name: str) -> Any:
            """Raise NotFittedError for an attribute that a fit sets."""
            if any(name in vars(base).get("__annotations__", ()) for base in type(self).__mro__):
                what = type(self).__name__
                raise NotFittedError(f"This {what} is not fitted yet: call fit, or {what}.load a saved one.")
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    def __repr__(self) -> str:
        """Return the name, and the settings that differ from the defaults."""
        changed = self.config.model_dump(exclude_defaults=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return next(self.network.parameters()).device

    @abstractmethod
    def check(self, data: Data) -> None:
        """Refuse data that the fitted model is not for; raises InputError."""

    def fit_steps(
        self,
        data: Data,
        *,
        device: str = "auto",
        seed: int = 0,
        stop: threading.Event | None = None,
        keeper: Keeper | None = None,
    ) -> Generator[Progress, None, Self]:
        """Fit the model step by step, so that the caller can show progress and stop it.

        Parameters
        ----------
        data : Movie or Traces
            The recording.
        device : str
            ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed : int
            Of weights and batches; the same seed on the same machine gives the same model.
        stop : threading.Event, optional
            When set, training ends within a step and the best model so far is returned.
        keeper : Keeper, optional
            Keeps the state of the training every few seconds, and has the one to go on from.

        Yields
        ------
        Progress
            About ten times a second.

        Returns
        -------
        Self
            The model itself, as the generator's return value. It is unchanged until the fit ends.

        Raises
        ------
        InputError
            If the recording cannot be used, or there is no such device.
        Cancelled
            If `stop` was set before training began.
        """
        yield from self._fit(data, device, seed, stop, keeper)
        return self

    def fit(
        self,
        data: Data,
        *,
        device: str = "auto",
        seed: int = 0,
        progress: Callable[[Progress], object] | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        data : Movie or Traces
            The recording.
        device : str
            ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed : int
            Of weights and batches; the same seed on the same machine gives the same model.
        progress : callable, optional
            Called about ten times a second with a `Progress`, such as `print`; may raise to end the fit.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        InputError
            If the recording cannot be used, or there is no such device.
        """
        return drive(self.fit_steps(data, device=device, seed=seed), progress or (lambda _: None))[0]

    def save(self, folder: str | Path) -> None:
        """Save the model: numbers as safetensors, settings and metrics as JSON.

        Parameters
        ----------
        folder : str or Path
            Made or replaced, in one step: an interrupted save leaves what was there.

        Raises
        ------
        InputError
            If the folder cannot be written, or holds something that is not a model of this kind.
        """
        tensors, sizes = self._parts()
        tensors |= with_prefix_added(self.network.state_dict(), _NETWORK)
        settings = {"config": self.config.model_dump(), **sizes, "metrics": self.metrics}
        save_checkpoint(Path(folder), self.kind, tensors, settings)

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Load a model, without executing code from the folder.

        Parameters
        ----------
        folder : str or Path
            What `save` wrote.
        device : str
            ``auto``, ``cuda``, ``mps`` or ``cpu``.

        Returns
        -------
        Self
            As it was saved.

        Raises
        ------
        InputError
            If the folder holds no model, one of another kind, or one that is damaged.
        """
        where = resolve_device(device)
        with open_checkpoint(Path(folder), cls.kind) as (settings, tensors):
            model = cls(cls._config_class(**settings["config"]))  # type: ignore[arg-type]
            model._restore(settings, tensors)
            model.network.load_state_dict(with_prefix(tensors, _NETWORK))
            model.metrics = dict(settings["metrics"])
        model.network.to(where)
        return model

    @abstractmethod
    def _fit(
        self, data: Data, device: str, seed: int, stop: threading.Event | None, keeper: Keeper | None
    ) -> Generator[Progress, None, None]:
        """Fit, and set the attributes of a fitted model at the end."""

    @abstractmethod
    def _parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what is saved besides network, settings and metrics: tensors, and values for JSON."""

    @abstractmethod
    def _restore(self, saved: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Restore what `_parts` returned, and make the network; ValueError if sizes disagree."""
