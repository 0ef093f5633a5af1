"""What both models have in common: made from settings, fitted to data, saved to a folder and loaded from it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from napari_calcdyn.recording import InputError

from .checkpoint import open_checkpoint, save_checkpoint, with_prefix
from .devices import resolve_device
from .settings import Settings
from .training import Progress, drive

Config = TypeVar("Config", bound=Settings)
Data = TypeVar("Data")
_NETWORK = "network."


class NotFittedError(InputError, AttributeError):
    """A model was asked for something that only a fitted one has."""


class Model(ABC, Generic[Config, Data]):
    """A model in the manner of scikit-learn.

    Parameters
    ----------
    config : Settings, optional
        All settings.
    preset : str
        The settings to start from where no `config` is given.
    **settings
        Those that differ from the preset.

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
    """What was measured on data that was not trained on, and how the model was made."""

    def __init__(self, config: Config | None = None, *, preset: str = "standard", **settings: Any) -> None:
        if config is not None and settings:
            raise InputError(
                f"Settings were given twice, as config and as {', '.join(settings)}: give either."
            )
        self.config = config or self._config_class.preset(preset, **settings)  # type: ignore[assignment]

    if not TYPE_CHECKING:  # else every attribute would be known to be there

        def __getattr__(self, name: str) -> Any:
            """Say what to do where something is missing until the model is fitted."""
            if any(name in vars(base).get("__annotations__", ()) for base in type(self).__mro__):
                what = type(self).__name__
                raise NotFittedError(f"This {what} is not fitted yet: call fit, or {what}.load a saved one.")
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    def __repr__(self) -> str:
        """Name and the settings that differ from the defaults."""
        changed = self.config.model_dump(exclude_defaults=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @abstractmethod
    def fit_steps(
        self, data: Data, *, device: str = "auto", seed: int = 0, stop: threading.Event | None = None
    ) -> Generator[Progress, None, Self]:
        """Fit the model step by step; what `fit` runs to its end."""

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
        tensors |= {f"{_NETWORK}{name}": value for name, value in self.network.state_dict().items()}
        settings = {"config": self.config.model_dump(), **sizes, "metrics": self.metrics}
        save_checkpoint(Path(folder), self.kind, tensors, settings)

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Load a model; nothing in the folder is executed.

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
    def _parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what is saved beside network, settings and metrics: tensors, and what JSON can hold."""

    @abstractmethod
    def _restore(self, saved: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take up what `_parts` returned, and make the network; ValueError where sizes disagree."""
