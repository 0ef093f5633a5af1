"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", help="Folder to write to; made if it does not exist.")]
Seed = Annotated[int, typer.Option(help="Same seed, same result.", min=0)]
Device = Annotated[str, typer.Option(metavar="[auto|cuda|mps|cpu]", help="Where to compute.")]
SavedModel = Annotated[
    Path | None, typer.Option(help="Use this saved model, from an earlier run, instead of training one.")
]
Preset = Annotated[
    str | None,
    typer.Option(metavar="[quick|standard|thorough]", help="Settings to start from; standard by default."),
]
Channel = Annotated[int | None, typer.Option(help="Which channel, where there are several.")]
Plane = Annotated[int | None, typer.Option(help="Which plane, where there are several.")]
FrameRate = Annotated[float | None, typer.Option(help="Frames per second, if not in the file.")]
