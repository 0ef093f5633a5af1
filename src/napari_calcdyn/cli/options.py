"""Options that several commands share."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

Movies = Annotated[
    list[Path],
    typer.Argument(
        help="A TIFF, .npy, HDF5, NWB, .mat, .mesc, .isxd, .sbx or .raw file, a folder of TIFFs or of Zarr, several"
        " TIFFs, or suite2p's data.bin."
    ),
]
Correct = Annotated[
    str | None,
    typer.Option(
        metavar="[auto|none|motion,brightness,lines,frames,pixels]",
        help="What to correct in the recording: what the check finds (auto, the default), nothing, or some of the list."
        " With a saved model, the default is what was corrected in the recording that it was trained on.",
    ),
]
FOUND = Path("found")
"""Value of --rois that asks for cells to be found."""
ROIS_HELP = (
    "a folder of suite2p or Minian, a .zip or .roi file of ImageJ, a file of CaImAn, EXTRACT or NWB, an image of"
    " labels, Cellpose's _seg.npy, rois.npz of a result folder, or the word found: then cells are found in the movie."
)
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if it does not exist.")]
Seed = Annotated[int, typer.Option(help="Random seed; the same seed gives the same result.", min=0)]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the run in this folder that was killed or cancelled, from its last checkpoint.",
    ),
]
Device = Annotated[str, typer.Option(metavar="[auto|cuda|mps|cpu]", help="Where to compute.")]
SavedModel = Annotated[
    Path | None, typer.Option(help="Use this saved model, from an earlier run, instead of training one.")
]
Memory = Annotated[
    float | None,
    typer.Option(
        help="Memory that the run may take, in GB; a quarter of the machine's by default, at most 1.5, as more makes it"
        " hardly faster."
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(metavar="[quick|standard|thorough]", help="Settings to start from; standard by default."),
]
Channel = Annotated[int | None, typer.Option(help="Which channel, if there are several.")]
Plane = Annotated[int | None, typer.Option(help="Which plane, if there are several.")]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="Name of the data set in an HDF5 or .mat file or in Zarr, or of the series in an NWB file, if several fit."
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        metavar="TYX",
        help="What the axes of the file are as they are stored, a letter each, such as YXT or TCYX: time, channel,"
        " plane Z, Y and X; if the file does not say it, or says it wrongly.",
    ),
]
FrameRate = Annotated[float | None, typer.Option(help="Frames per second, if the file does not contain it.")]


def typed() -> str:
    """Return the command as it was typed, for the files of its result."""
    return shlex.join(["calcdyn", *sys.argv[1:]])


def cells_are_to_be_found(rois: Path) -> bool:
    """Whether the option --rois asks for cells to be found in the movie; a file or folder of that name comes first."""
    return rois == FOUND and not rois.exists()
