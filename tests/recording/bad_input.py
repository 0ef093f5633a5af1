"""How tests look at an error, and a pickle that runs code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from napari_calcdyn.recording import InputError


def refuses(words: str, call: Callable[..., object], *arguments: object, **options: object) -> None:
    """A call must fail with one sentence that says what to do."""
    with pytest.raises(InputError, match=words) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert re.search(r"[:,] \w+", message), "says what to do"


class Runs:
    """Pickled, it asks the reader to call a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call
