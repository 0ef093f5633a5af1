"""What the animal did while it was recorded: a table with a row per frame, or with times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Columns with one sample for each frame of a recording.

    Attributes
    ----------
    columns : mapping of str to ndarray of shape (T,)
        float64 (NaN where unknown), bool or str.
    name : str
        Where they came from, for messages.
    """

    columns: Mapping[str, NDArray[Any]]
    name: str
