"""The two questions of the section *What if* as functions, which magicgui makes panels of, tooltips included."""

# Annotations are types here and no text, as magicgui cannot look up the text of what a function returns.

from magicgui import magic_factory

from napari_calcdyn.gui.forms.number import Number

from .runs import Push

ROI, SOURCE = "the selected ROI", "source"
_FRAMES = {"widget_type": Number, "max": 500, "unit": "frames"}


@magic_factory(  # type: ignore[untyped-decorator]
    labels=False,
    what={"label": "Push", "choices": (ROI, SOURCE)},
    source={"label": "number", "widget_type": Number, "min": 0},
    size={"label": "by", "widget_type": Number, "min": -20, "max": 20, "step": 0.5, "unit": "sd"},
    frames=_FRAMES | {"label": "and follow it for", "min": 2},
)
def push_panel(what: str = ROI, source: int = 0, size: float = 2.0, frames: int = 20) -> Push:
    """Ask what a push does; the ROI is not known yet.

    Parameters
    ----------
    what : str
        A source is one of the patches of activity that the model describes the movie with; the Dynamics panel
        numbers them.
    source : int
        Number of the source.
    size : float
        How far to push, in standard deviations of its own activity; below 0 pushes it down.
    frames : int
        Over how many frames to follow the push.
    """
    return Push(size, frames, source if what == SOURCE else None)


@magic_factory(  # type: ignore[untyped-decorator]
    labels=False,
    ahead=_FRAMES | {"label": "Look ahead", "min": 1, "tooltip": "How many frames to forecast."},
)
def forecast_panel(ahead: int = 10) -> int:
    """Ask for a forecast."""
    return ahead
