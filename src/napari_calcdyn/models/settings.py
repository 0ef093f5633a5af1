"""Base of the settings of every model: presets, and one sentence for a value that cannot be used."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import ValidationError

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.settings import Described


class Settings(Described):
    """Settings of a model; frozen, checked when made.

    The form in the panel, the command line, the saved model and the settings page are made from the fields.
    """

    presets: ClassVar[dict[str, dict[str, Any]]]
    """What each preset sets differently from the defaults."""

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
