"""What is wrong with a recording, in sentences, and which of it is corrected by default."""

from __future__ import annotations

from dataclasses import dataclass

from napari_calcdyn.recording.errors import count_text

from .measurements import Measurements

MOTION = 0.1
"""Root mean square displacement, px, from which motion is corrected."""
TREND = 0.05
"""Change of the slow brightness from which it is corrected."""
FLICKER = 0.02
"""Standard deviation of the fast brightness from which it is corrected."""
EVEN_TREND, EVEN_FLICKER = 0.25, 0.15
"""Largest unevenness of a trend and of flicker that can still come from the lamp or from bleaching."""
LINES = 0.5
"""Displacement of odd lines, px, from which it is corrected."""
PARTS = 0.3
"""Motion of parts of the picture by themselves, px, that is said."""
DEPTH = 0.2
"""Loss of likeness over time that is said."""
_LOW_SNR = 0.02
FAINT, SMALL = 0.25, 9.2
"""Signal-to-noise ratio and cell diameter, px, below which a model's map misses the weakest cells."""
_REASONS = {
    "blank": "blank",
    "partly blank": "partly blank",
    "band": "crossed by a bright band",
    "saturated": "saturated",
    "repeated": "equal to the frame before",
    "brightness": "far brighter or darker than those around",
    "far": "displaced far from those around",
    "unlike": "unlike the rest",
    "start": "at the start, where the brightness settles",
    "given": "marked as bad",
}
_PIXELS = {
    "not a number": "not a number at some time",
    "constant": "constant",
    "border": "at an edge that registration left empty at some time",
    "saturated": "saturated in most of the frames",
    "given": "masked by hand",
    "wrapped": "at an edge that moved out of the picture at some time, where suite2p shows the opposite edge",
}


@dataclass(frozen=True)
class Finding:
    """Something wrong with a recording.

    Attributes
    ----------
    text : str
        One or two sentences: what it is, what it does, what to do.
    kind : str or None
        Which correction mends it, of `KINDS`; None where none does.
    note : bool
        Whether it is good to know rather than wrong.
    """

    text: str
    kind: str | None = None
    note: bool = False


def findings_of(quality: Measurements) -> list[Finding]:
    """Say what is wrong with a recording, the worst first.

    Parameters
    ----------
    quality : Measurements
        Of the recording.

    Returns
    -------
    list of Finding
        Empty for a recording that can be used as it is.
    """
    found = [Finding(text) for text in quality.notes]
    if quality.interleaved:
        found.append(
            Finding(
                f"Every {_ordinal(quality.interleaved)} frame looks alike and its neighbours do not: the file seems to"
                f" hold {quality.interleaved} channels or planes in turn. Open one of them by itself."
            )
        )
    if quality.motion_rms_px >= MOTION:
        found.append(
            Finding(
                f"The picture moves, by {quality.motion_rms_px:.2f} px on average and {quality.motion_max_px:.1f} px at"
                " most. Edges would light up in maps.",
                "motion",
            )
        )
    if quality.motion_in_parts_px >= PARTS:
        found.append(
            Finding(
                "After frames are shifted as a whole, parts of the picture still move by"
                f" {quality.motion_in_parts_px:.1f} px: register the recording with a program that bends frames, such"
                " as suite2p where it registers non-rigidly, and open the result."
            )
        )
    if quality.change_of_depth >= DEPTH:
        found.append(
            Finding(
                "The picture slowly becomes another one, as if the focus drifts: use a shorter part of the recording."
            )
        )
    found += _of_brightness(quality)
    for reason in quality.reasons:
        count = sum(stop - start for start, stop, why in quality.bad_frames if why == reason)
        if count:
            be = "is" if count == 1 else "are"
            found.append(Finding(f"{count_text(count, 'frame')} {be} {_REASONS[reason]}.", "frames"))
    for reason, pixels in quality.pixels.items():
        count = int(pixels.sum())
        if count:
            be = "is" if count == 1 else "are"
            found.append(Finding(f"{count_text(count, 'pixel')} {be} {_PIXELS[reason]}.", "pixels"))
    if quality.clipping is not None:
        count = int(quality.clipping.mended.sum())
        be = "is" if count == 1 else "are"
        found.append(
            Finding(
                f"{count_text(count, 'pixel')} {be} saturated in some frames: lower the gain of the detector next"
                " time.",
                "pixels",
            )
        )
    if abs(quality.line_shift_px) >= LINES:
        found.append(
            Finding(f"Odd lines are displaced by {quality.line_shift_px:+.1f} px against even ones.", "lines")
        )
    if quality.snr < _LOW_SNR:
        found.append(
            Finding(
                "No pixel has activity that stands out from shot noise: maps and connections will be weak. Record with"
                " more light, or average frames.",
                note=True,
            )
        )
    elif quality.snr < FAINT and quality.cell_diameter_px is not None and quality.cell_diameter_px < SMALL:
        found.append(
            Finding(
                f"Cells are small, about {quality.cell_diameter_px:.0f} px, and faint. The first look finds the weakest"
                " of them a little better than a model's map: where the two differ, trust the first look.",
                note=True,
            )
        )
    return found


def _of_brightness(quality: Measurements) -> list[Finding]:
    light = quality.brightness
    found = []
    for size, least, unevenness, even, what, cause in (
        (
            light.trend,
            TREND,
            light.trend_unevenness,
            EVEN_TREND,
            "changes slowly by",
            "bleaching or the lamp",
        ),
        (light.flicker, FLICKER, light.flicker_unevenness, EVEN_FLICKER, "flickers by", "the lamp"),
    ):
        if size < least:
            continue
        text = f"The brightness of the whole picture {what} {100 * size:.0f} %"
        if unevenness <= even:
            found.append(Finding(f"{text}, everywhere by the same factor, as with {cause}.", "brightness"))
        else:
            found.append(
                Finding(
                    f"{text}, but unevenly: this is more likely activity that many cells and the neuropil share than"
                    f" {cause}, and is left as it is.",
                    note=True,
                )
            )
    return found


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third", 4: "fourth"}[number]
