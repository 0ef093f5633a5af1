"""Print the lowest versions that pyproject.toml allows, as constraints for pip: ``python scripts/lowest.py``.

A requirement that is given, as in ``python scripts/lowest.py torch==2.13.0``, stands in place of the lowest one.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
REQUIREMENT = re.compile(r"([\w-]+)(?:\[[\w,-]+\])?[>=]=([\w.]+)")


def lowest(*instead: str) -> list[str]:
    """Return one line for each package."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values(), instead]
    found = [REQUIREMENT.fullmatch(line) for lines in lists for line in lines]
    return [
        f"{name}=={version}" for name, version in dict(match.groups() for match in found if match).items()
    ]


if __name__ == "__main__":
    print("\n".join(lowest(*sys.argv[1:])))
