"""Check that public docstrings agree with what they describe: ``python scripts/check_docstrings.py``.

What the package and its rooms export (their ``__all__``) must document every parameter and what it returns. Elsewhere a
docstring may be one sentence, but a section that is there must be complete.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from numpydoc.validate import validate

PACKAGE = "napari_calcdyn"
FLOORS = ("recording", "simulate", "models", "analysis", "jobs")
ALWAYS = {"GL03", "GL08", "PR02", "PR03", "PR04", "PR10", "RT03", "SS03", "YD01"}
EXPORTED = ALWAYS | {"PR01", "RT01"}


def members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the dotted names and objects that a module defines in public, methods and properties included."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield f"{module.__name__}.{name}", thing
        if inspect.isclass(thing):
            for attribute, value in vars(thing).items():
                described = inspect.isroutine(value) or isinstance(value, property)
                if described and not attribute.startswith("_"):
                    yield f"{module.__name__}.{name}.{attribute}", thing


def exported() -> set[Any]:
    """Return what the package and its rooms offer: the names in their ``__all__``."""
    root = importlib.import_module(PACKAGE)
    rooms = [it.name for it in pkgutil.walk_packages(root.__path__, f"{PACKAGE}.") if it.ispkg]
    below = [importlib.import_module(name) for name in rooms if name.split(".")[1] in FLOORS]
    return {getattr(room, name) for room in [root, *below] for name in getattr(room, "__all__", ())}


def complaints() -> Iterator[str]:
    """Yield one line for each fault."""
    offered = exported() - {importlib.import_module(PACKAGE).__version__}
    for floor in FLOORS:
        package = importlib.import_module(f"{PACKAGE}.{floor}")
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for name, owner in members(importlib.import_module(info.name)):
                result = validate(name)
                codes = EXPORTED if owner in offered or "Parameters\n" in result["docstring"] else ALWAYS
                if inspect.isclass(owner) and hasattr(owner, "model_fields"):
                    codes = codes - {"PR01"}  # settings describe themselves, field by field
                if "Attributes\n" in result["docstring"]:  # what a result holds, not how it is made
                    codes = codes - {"PR01"}
                for code, message in result["errors"]:
                    if code in codes:
                        yield f"{result['file']}:{result['file_line']}: {code} {name}: {message}"


if __name__ == "__main__":
    faults = list(complaints())
    print("\n".join(faults) or "Public docstrings agree with what they describe.")
    sys.exit(bool(faults))
