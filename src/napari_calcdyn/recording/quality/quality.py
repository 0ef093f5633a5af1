"""What is wrong with a recording, measured before it is believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.movies import Movie
from napari_calcdyn.recording.movies.clipping import Clipping
from napari_calcdyn.recording.progress import ProgressCallback, part_of

from .brightness import split_brightness
from .findings import Finding, findings_of
from .flaws import frame_reasons, pixel_reasons
from .given import given_bad_frames, wrapped_pixels
from .leftover import change_of_depth, motion_in_parts
from .lines import find_line_shift, find_period
from .measurements import Measurements
from .motion import Registrar, halves_compared, sharpened
from .sample import draw_sample
from .scan import scan
from .signal import cell_diameter, signal_to_noise
from .tiles import Tiling

_SAMPLE = 0.1  # of the time, for the progress


class Quality(Measurements):
    """Measurements of a recording as it is stored, and what is wrong with it.

    Attributes
    ----------
    name : str
        Of the recording.
    shifts : ndarray (T, 2), float32
        Displacement (y, x) of each frame from the reference, px.
    shift_noise : float
        Error of such a displacement, px: root mean square over both directions together.
    agreement : float
        How much alike the halves of the picture move, 0 to 1: near 0, what was measured is no motion.
    brightness : Brightness
        Of each frame.
    dark_level : float
        Value of a pixel without light, in movie units.
    reasons : dict of str to ndarray (T,), bool
        Frames that are bad, by reason.
    pixels : dict of str to ndarray (Y, X), bool
        Pixels that are bad, by reason.
    clipping : Clipping or None
        Pixels at the ceiling of the camera in some frames; None where there are none to mend.
    line_shift_px : float
        Displacement of odd lines in x, px.
    interleaved : int
        Number of channels or planes that take turns from frame to frame; 0 if none do.
    snr : float
        Variance of activity over variance of shot noise, in the most active pixels.
    cell_diameter_px : float or None
        Diameter of the cells; None where no activity stands out.
    reference : ndarray (Y, X), float32
        Mean of frames that were brought together.
    motion_measured : bool
        Whether shifts were measured.
    motion_in_parts_px : float
        How far parts of the picture move by themselves, px (root mean square); 0 where motion was not measured.
    change_of_depth : float
        How much less alike the picture is at distant times than at near ones, 0 to 1; 0 where motion was not measured.
    notes : tuple of str
        Sentences about what is wrong with the file.
    """

    @property
    def findings(self) -> list[Finding]:
        """What is wrong, in sentences."""
        return findings_of(self)

    def record(self) -> dict[str, Any]:
        """Return the measurements for ``quality.json``.

        Returns
        -------
        dict
            Numbers, lists and sentences.
        """
        return {
            "frames": self.frames,
            "motion_rms_px": round(self.motion_rms_px, 4),
            "motion_max_px": round(self.motion_max_px, 4),
            "brightness_trend": round(self.brightness.trend, 4),
            "brightness_flicker": round(self.brightness.flicker, 4),
            "bad_frames": [list(it) for it in self.bad_frames],
            "masked_pixels": int((~self.valid_pixels).sum()),
            "motion_in_parts_px": round(self.motion_in_parts_px, 4),
            "change_of_depth": round(self.change_of_depth, 4),
            "line_shift_px": round(self.line_shift_px, 3),
            "interleaved": self.interleaved,
            "snr": round(self.snr, 4),
            "cell_diameter_px": None if self.cell_diameter_px is None else round(self.cell_diameter_px, 2),
            "findings": [it.text for it in self.findings],
        }


def check_quality(
    movie: Movie,
    *,
    motion: bool = True,
    reference: NDArray[np.float32] | None = None,
    given: NDArray[np.bool_] | None = None,
    progress: ProgressCallback | None = None,
) -> Quality:
    """Measure what is wrong with a recording, in one pass over it.

    Parameters
    ----------
    movie : Movie
        The recording as it is stored.
    motion : bool
        Whether to measure motion, which takes most of the time.
    reference : ndarray (Y, X), float32, optional
        Picture to measure displacements from, such as that of another recording of the field of view; by default one
        is made of this recording.
    given : ndarray (T,), bool, optional
        Frames that are known to be bad; by default those that another program marked, see `given_bad_frames`.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    Quality
        See its attributes.

    Raises
    ------
    InputError
        If no frame or no pixel can be used, or the movie was joined of several recordings.
    Cancelled
        If `progress` asked to stop.
    """
    if len(movie.parts) > 1:
        raise InputError(
            f"{movie.name} was joined of {len(movie.parts)} recordings: check each of them by itself, before they are"
            " joined."
        )
    total = movie.n_frames
    sample = draw_sample(movie, part_of(progress, 0, _SAMPLE * total, total))
    if sample.frames.min() == sample.frames.max() and np.isfinite(movie.frames(0, 1)).all():
        raise InputError(
            f"{movie.name} is constant, every pixel is {sample.frames.min():g}: check the recording."
        )
    # Constant pixels and borders would end up in the dark level and the reference.
    usable = (sample.frames != sample.frames[0]).any(0) & (sample.frames != 0).all(0)
    wrapped = wrapped_pixels(movie)
    usable &= ~wrapped
    usable = usable if usable.any() else np.ones_like(usable)
    dark = sample.dark_level(usable)
    weight = usable.astype(np.float32)
    registrar, noise, agreement, still = None, np.zeros(2), 1.0, sample
    if motion:
        reference = sharpened(sample.frames, weight) if reference is None else reference
        registrar = Registrar(reference, weight)
        noise, agreement = halves_compared(sample.frames, reference, weight)
        still = sample.registered(registrar.find(sample.frames)[0])
    found = scan(movie, sample, dark, registrar, part_of(progress, _SAMPLE * total, total, total))
    known_bad = given_bad_frames(movie) if given is None else given
    reasons, pixels = {"given": known_bad} | frame_reasons(found), pixel_reasons(found)
    if wrapped.any():
        pixels["wrapped"] = wrapped
    valid_frames = ~np.any(list(reasons.values()), axis=0)
    valid_pixels = ~np.any(list(pixels.values()), axis=0)
    for what, valid in (("frame", valid_frames), ("pixel", valid_pixels)):
        if not valid.any():
            why = max(
                reasons if what == "frame" else pixels, key=lambda it: int((reasons | pixels)[it].sum())
            )
            raise InputError(f"{movie.name} has no usable {what}, all are bad ({why}): check the recording.")
    usual = Tiling.of(movie.frame_shape).means(sample.mean[None])[0].ravel()
    period = find_period(sample)
    clipping = Clipping(np.where(valid_pixels, found.clipped, np.float32(0)), sample.mean)
    return Quality(
        movie.name,
        found.shifts,
        float(np.linalg.norm(noise)),
        agreement,
        split_brightness(found.brightness, valid_frames, found.kept, found.tiles, usual, dark, found.shifts),
        dark,
        reasons,
        pixels,
        clipping if clipping.mended.any() else None,
        find_line_shift(still.mean, valid_pixels),
        period if period > 1 else 0,
        signal_to_noise(still, valid_pixels),
        cell_diameter(still, valid_pixels),
        sample.mean if reference is None else reference,
        motion,
        motion_in_parts(still, sample.mean if reference is None else reference, weight) if motion else 0.0,
        change_of_depth(still, valid_pixels) if motion else 0.0,
        movie.notes,
    )
