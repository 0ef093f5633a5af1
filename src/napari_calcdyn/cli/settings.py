"""Command-line options made from the definition of a model's settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError

from napari_calcdyn.models.avae import AVAEConfig
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import InputError

Command = Callable[..., None]
Config = TypeVar("Config", bound=BaseModel)
Model = TypeVar("Model", VARAutoencoderConfig, AVAEConfig)


def with_settings(config: type[BaseModel], prefix: str = "") -> Callable[[Command], Command]:
    """Give a command one option for every setting of a model.

    Parameters
    ----------
    config : type of BaseModel
        Its fields become options. A field's description is the help of its option, and its ``group`` the heading.
    prefix : str
        Start of the options' names.

    Returns
    -------
    callable
        Decorator for a command that takes ``**settings``: it gets every field by its option's name, None if the
        user left it out.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "settings"]
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        parameters = [*own, *_options(config, prefix)]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


def given(config: type[BaseModel], settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the settings of one model that the user gave, by the names of its fields."""
    values = {name: settings.get(prefix + name) for name in config.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def settings_or_model(
    config: type[Model], preset: str | None, settings: dict[str, Any], model: Path | None
) -> Model | Path:
    """Return the settings to train with, or the saved model to use; refuse both at once."""
    changes = given(config, settings)
    if model is None:
        return config.preset(preset or "standard", **changes)
    if preset or changes:
        raise InputError("A saved model keeps its settings: leave out either --model or the settings.")
    return model


def checked(config: type[Config], values: dict[str, Any], prefix: str = "") -> Config:
    """Return the given settings, or raise InputError about the first that cannot be used."""
    try:
        return config(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = prefix + str(first["loc"][0])
        raise InputError(f"The setting {name!r} cannot be used: {first['msg']}.") from error


def _options(config: type[BaseModel], prefix: str) -> Iterator[inspect.Parameter]:
    for name, field in ((prefix + name, field) for name, field in config.model_fields.items()):
        kind, choices = _kind(field.annotation)
        extra = field.json_schema_extra
        flag = f"--{name.replace('_', '-')}"
        option = typer.Option(
            f"{flag}/--no-{flag[2:]}" if kind is bool else flag,
            help=f"{field.description}{f' Choices: {choices}.' if choices else ''}",
            rich_help_panel=str(extra["group"]) if isinstance(extra, dict) else None,
            show_default=False,
        )
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind | None, option],
        )


def _kind(annotation: Any) -> tuple[Any, str]:
    """Return the type of a setting on the command line, and its choices in words."""
    if get_origin(annotation) is Literal:
        return str, ", ".join(get_args(annotation))
    return next((kind for kind in get_args(annotation) if kind is not type(None)), annotation), ""
