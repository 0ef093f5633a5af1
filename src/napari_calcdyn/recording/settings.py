"""Settings that describe themselves: title, description, unit and bounds of each, defined once."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Described(BaseModel):
    """Settings whose docstrings are their descriptions; frozen, checked when made."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the line breaks out of the descriptions."""
        for field in cls.model_fields.values():
            field.description = " ".join((field.description or "").split())
        cls.model_rebuild(force=True)  # so that the JSON schema has them too


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
        The field of a `Described` class.
    """
    extra: dict[str, Any] = {"group": group} if unit is None else {"group": group, "unit": unit}
    return Field(default, title=title, json_schema_extra=extra, **bounds)
