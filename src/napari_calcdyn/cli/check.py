"""``calcdyn check``: measure what is wrong with a recording."""

from __future__ import annotations

from .options import Axes, Channel, Dataset, FrameRate, Movies, Out, Plane
from .progress_bar import progress_bar, say_done, tell_with


def check(
    movie: Movies,
    out: Out,
    channel: Channel = None,
    plane: Plane = None,
    frame_rate: FrameRate = None,
    dataset: Dataset = None,
    axes: Axes = None,
) -> None:
    """Measure motion, brightness, bad frames and pixels of a recording, and say what is wrong with it."""
    from napari_calcdyn.recording import open_movie

    source = movie[0] if len(movie) == 1 else movie
    recording = open_movie(
        source, channel=channel, plane=plane, frame_rate=frame_rate, dataset=dataset, axes=axes
    )
    with progress_bar() as show:
        from napari_calcdyn.jobs import run_check

        found = run_check(recording, out, on_progress=tell_with(show))
    for text in found["findings"] or ["Nothing is wrong with this recording."]:
        print(f"- {text}")
    corrected = ", ".join(found["corrections"]) or "nothing"
    print(f"Corrected by default: {corrected}.")
    say_done(found["seconds"], out, "quality.png")
