"""Base of the settings of every model: presets, and one sentence for a value that cannot be used."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_calcdyn.recording.errors import InputError


class Settings(BaseModel):
    """Settings of a model; frozen, checked when made.

    The form in the panel, the command line, the saved model and the settings page are made from the fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    presets: ClassVar[dict[str, dict[str, Any]]]
    """What each preset sets differently from the defaults."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the line breaks out of the descriptions."""
        for field in cls.model_fields.values():
            field.description = " ".join((field.description or "").split())
        cls.model_rebuild(force=True)  # so that the JSON schema has them too

    @classmethod
    def preset(cls, name: str, **changes: Any) -> Self:
        """Make the settings of a preset.

        Parameters
        ----------
        name : str
            One of `presets`.
        **changes
            Settings that differ from it.

        Returns
        -------
        Self
            The settings.

        Raises
        ------
        InputError
            If there is no such preset, no such setting, or a value is out of bounds.
        """
        if name not in cls.presets:
            *others, last = cls.presets
            raise InputError(f"There is no preset {name!r}: choose {', '.join(others)} or {last}.")
        try:
            return cls(**{**cls.presets[name], **changes})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise InputError(f"The setting {field!r} cannot be used: {first['msg']}.") from error


def setting(group: str, title: str, default: Any, *, unit: str | None = None, **bounds: Any) -> Any:
    """Define a setting; the docstring below it is its description.

    Parameters
    ----------
    group : str
        Heading under which it stands in the form.
    title : str
        Its name there.
    default : object
        Value where no preset says otherwise.
    unit : str, optional
        Unit of the value, in words.
    **bounds
        ``ge``, ``gt``, ``le``, ``lt``, as pydantic takes them.

    Returns
    -------
    FieldInfo
        The field of a `Settings` class.
    """
    extra: dict[str, Any] = {"group": group} if unit is None else {"group": group, "unit": unit}
    return Field(default, title=title, json_schema_extra=extra, **bounds)
