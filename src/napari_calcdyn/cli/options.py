"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", help="Folder to write to; made if it does not exist.")]
Seed = Annotated[int, typer.Option(help="Same seed, same result.", min=0)]
Device = Annotated[str, typer.Option(metavar="[auto|cuda|mps|cpu]", help="Where to compute.")]
