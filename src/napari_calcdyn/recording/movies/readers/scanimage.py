"""Order, frame rate and pixel size of the pages of ScanImage files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metadata import positive

FRAME_NUMBER = re.compile(r"^frameNumbers? = (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class ScanImage:
    """How pages are interleaved: channels fastest, then slices, then time.

    Parameters
    ----------
    channels : int
        Saved channels.
    slices : int
        Planes.
    cycle : int
        Frames from one volume to the next, flyback frames included where they were saved.
    repeats : int
        Frames in a row of one slice before the next ("slow" stacks), else 1.
    first_frame : int
        Frames of the acquisition before the first page, for files that start later.
    frame_rate : float or None
        Frames per second of one plane; None where they are not evenly spaced.
    pixel_size : tuple of float or None
        Height and width of a pixel in µm.
    promised : int
        Frames of one plane that were asked for; 0 where that is not known, as of an endless acquisition.
    per_file : int
        Frames, of all planes, after which another file was begun; 0 where all go into one.
    """

    channels: int = 1
    slices: int = 1
    cycle: int = 1
    repeats: int = 1
    first_frame: int = 0
    frame_rate: float | None = None
    pixel_size: tuple[float, float] | None = None
    promised: int = 0
    per_file: int = 0

    def missing(self, n_pages: int) -> int:
        """Return how many frames were asked for, if not all of them can be in so many pages, else 0."""
        frames = n_pages // self.channels
        part = self.first_frame or (self.per_file and frames % self.per_file == 0)
        there = frames // self.cycle * self.repeats
        return 0 if part or there >= self.promised else self.promised

    def arrange(self, n_pages: int) -> NDArray[np.intp]:
        """Sort pages by time, plane and channel.

        Parameters
        ----------
        n_pages : int
            Pages in the file; an unfinished last volume is dropped.

        Returns
        -------
        ndarray (T, Z, C)
            Page numbers.
        """
        frames = np.arange(n_pages // self.channels)
        place = (frames + self.first_frame) % self.cycle // self.repeats
        planes = [frames[place == plane] for plane in range(self.slices)]
        length = min(len(plane) for plane in planes)
        by_plane = np.stack([plane[:length] for plane in planes], axis=1)
        return by_plane[:, :, None] * self.channels + np.arange(self.channels)


def read_scanimage(
    frame_data: Mapping[str, Any], descriptions: list[str], frame_shape: tuple[int, int]
) -> ScanImage:
    """Read how ScanImage 5 and later interleaved its pages.

    Parameters
    ----------
    frame_data : mapping
        ``scanimage_metadata["FrameData"]`` of tifffile, keys ``SI.hChannels.channelSave`` and so on.
    descriptions : list of str
        Image descriptions of the first page and of the page after one pass over the slices.
    frame_shape : tuple of int
        (Y, X) of a page.

    Returns
    -------
    ScanImage
        The interleaving, frame rate and pixel size.
    """

    def get(key: str, default: Any = None) -> Any:
        return frame_data.get(f"SI.{key}", default)

    channels = count_channels(frame_data)
    averaged = max(1, int(get("hScan2D.logAverageFactor", 1) or 1))
    rate = positive(get("hRoiManager.scanFrameRate"))
    numbers = [int(found[1]) for text in descriptions if (found := FRAME_NUMBER.search(text))]
    first_frame = max(0, numbers[0] - 1) // averaged if numbers else 0
    slices = int(get("hStackManager.actualNumSlices", get("hStackManager.numSlices", 1)) or 1)
    fast = bool(get("hFastZ.enable", False))
    volumetric = slices > 1 and bool(get("hStackManager.enable", fast))
    repeats, cycle = 1, 1
    if not volumetric:
        slices = 1
    elif fast:
        cycle = max(slices, int(get("hStackManager.numFramesPerVolumeWithFlyback", 0) or 0))
        # With flyback frames left out, the number after the last slice jumps.
        if len(numbers) == 2 and numbers[1] - numbers[0] != slices:
            first_frame, cycle = first_frame // cycle * slices, slices
        rate = positive(get("hRoiManager.scanVolumeRate")) or (rate / cycle if rate else None)
    else:
        repeats = max(1, int(get("hStackManager.framesPerSlice", 1) or 1) // averaged)
        cycle = slices * repeats
        rate = None
    frame_rate = rate / averaged if rate else None
    size = None
    field = np.asarray(get("hRoiManager.imagingFovUm", []))
    if field.shape == (4, 2) and field.dtype.kind in "if":
        width, height = np.ptp(field, axis=0)
        size = (float(height / frame_shape[0]), float(width / frame_shape[1]))
    in_row = _count(get("hStackManager.framesPerSlice")) // averaged
    volumes = _count(get("hStackManager.actualNumVolumes", get("hStackManager.numVolumes")))
    promised = (volumes if fast else volumes * repeats) if volumetric else in_row
    per_file = _count(get("hScan2D.logFramesPerFile"))
    return ScanImage(channels, slices, cycle, repeats, first_frame, frame_rate, size, promised, per_file)


def count_channels(frame_data: Mapping[str, Any]) -> int:
    """Return how many channels were saved."""
    saved = frame_data.get("SI.hChannels.channelSave", 1)
    return int(np.size(saved)) or 1


def slices_stride(frame_data: Mapping[str, Any]) -> int:
    """Return after how many pages one pass over the slices is complete, flyback not counted."""
    slices = frame_data.get(
        "SI.hStackManager.actualNumSlices", frame_data.get("SI.hStackManager.numSlices", 1)
    )
    return count_channels(frame_data) * int(slices or 1)


def read_scanimage_3(description: str) -> ScanImage:
    """Read what ScanImage 3 wrote into its image description.

    Parameters
    ----------
    description : str
        Lines ``state.acq.frameRate=3.9`` and so on.

    Returns
    -------
    ScanImage
        The interleaving and frame rate.
    """
    state = dict(
        re.findall(r"^state\.acq\.(\w+)=([-+.\deE]+)\s*$", description.replace("\r", "\n"), re.MULTILINE)
    )
    channels = max(1, int(float(state.get("numberOfChannelsSave", 1))))
    slices = max(1, int(float(state.get("numberOfZSlices", 1))))
    rate = float(state.get("frameRate", 0)) / max(1.0, float(state.get("numAvgFramesSave", 1)))
    if slices > 1:
        frames = max(1, int(float(state.get("numberOfFrames", 1))))
        return ScanImage(channels, slices, slices * frames, frames, promised=frames)
    asked = _count(state.get("numberOfFrames")) // max(1, _count(state.get("numAvgFramesSave")))
    return ScanImage(channels, frame_rate=rate or None, promised=asked)


def _count(value: Any) -> int:
    """Return a number of frames, 0 where there is none or it is endless."""
    return int(positive(value) or 0)
