"""What is on the canvas as a figure: all layers as napari blends them, with scale bar, colour bars and time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from napari.layers import Image

from napari_calcdyn.gui.layers.layers import UNIT
from napari_calcdyn.gui.layers.movie_time import shown_frame
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.recording import InputError

from .pieces import colour_bar, colours_of, norm_of, pixel_size, save_figure

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

_WIDTH, _BAR = 5.0, 1.0  # inches, of the picture and of a colour bar
_MOST = 16_000  # pixels that the canvas may be wide or high while it is drawn
_OVERLAYS = ("scale_bar", "text", "current_slice")  # of napari, in place of which the figure has its own


class _Picture(NamedTuple):
    pixels: NDArray[np.uint8]  # (Y, X, 4)
    pixel: float  # its size in the world


def write_canvas(viewer: Viewer, file: Path, width: int = 2000) -> None:
    """Write what is on the canvas as PNG, SVG or PDF.

    Empty margins around the layers are left out. The scale bar is there where the size of a pixel is known and the
    view is flat, a colour bar for each map that is shown, and the time where a movie is.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose canvas, from where it is looked at now.
    file : Path
        Where to, ``.png``, ``.svg`` or ``.pdf``; a file of that name is replaced.
    width : int
        Of the picture, in pixels.

    Raises
    ------
    InputError
        If nothing is shown, the picture would be too large, or the file cannot be written.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    from napari_calcdyn.jobs.overviews.map_panel import set_scale

    shown = [it for it in viewer.layers if it.visible]
    if not shown:
        raise InputError("No layer is shown: click the eye of one in the list of layers.")
    picture = _picture(viewer, width)
    height, width = picture.pixels.shape[:2]
    maps = [it for it in shown if isinstance(it, Image) and it.metadata.get(UNIT)]
    size = (_WIDTH + _BAR * len(maps), 0.2 + _WIDTH * height / width)
    figure = Figure(figsize=size, dpi=width / _WIDTH, layout="constrained")
    axes = figure.subplots()
    axes.set_frame_on(False)
    axes.imshow(picture.pixels, interpolation="none")
    micrometres = next((it for layer in shown if (it := pixel_size(layer.units, layer.scale))), None)
    flat = viewer.dims.ndisplay == 2
    size_of_pixel = (picture.pixel, picture.pixel) if micrometres and flat else None
    set_scale(
        axes, (height, width), size_of_pixel, _contrasting(picture.pixels[-height // 6 :, : width // 3])
    )
    if flat and (time := _time(viewer)):
        colour = _contrasting(picture.pixels[: height // 8, : width // 4])
        axes.text(0.05 * width, 0.03 * height, time, color=colour, fontsize=8, va="top")
    for layer in maps:
        drawn = ScalarMappable(norm_of(layer.contrast_limits, layer.gamma), colours_of(layer.colormap))
        colour_bar(figure, axes, drawn, f"{layer.name} ({layer.metadata[UNIT]})")
    save_figure(figure, file, " + ".join(it.name for it in shown))


def _picture(viewer: Viewer, width: int) -> _Picture:
    """Draw the canvas so that what is shown of the layers is so many pixels wide, and cut its empty margins off."""
    seen, zoom = np.array(viewer.window._qt_viewer.canvas.size, float), float(_scene(viewer).camera.zoom)
    left = _inside(viewer, seen, zoom)
    wide = left[1, 1] - left[0, 1]
    scale = width / wide
    if (seen * scale).max() > _MOST:
        raise InputError("The picture would be too large: zoom out, or choose fewer pixels.")
    with _drawn_alone(viewer, zoom * scale):
        pixels = viewer.screenshot(scale=scale, flash=False, canvas_only=True)
    finer = zoom * pixels.shape[1] / seen[1]  # also than the screen's logical pixels
    (top, start), (bottom, end) = np.rint(_inside(viewer, np.array(pixels.shape[:2]), finer)).astype(int)
    return _Picture(pixels[top:bottom, start:end], 1 / finer)


def _contrasting(pixels: NDArray[np.uint8]) -> str:
    """Return the colour in which something is seen on pixels (Y, X, 4)."""
    return "black" if float(pixels[..., :3].mean()) > 140 else "white"


def _inside(viewer: Viewer, seen: NDArray[Any], zoom: float) -> NDArray[np.float64]:
    """Return the corners, ((top, left), (bottom, right)) in pixels, of what is seen of the layers on so many pixels."""
    whole = np.array([[0.0, 0.0], seen])
    if viewer.dims.ndisplay != 2 or _canvas(viewer).grid.enabled:
        return whole
    displayed = list(viewer.dims.displayed)
    extents = [_extent(layer, displayed, viewer.dims.ndim) for layer in viewer.layers if layer.visible]
    extent = np.array([np.min([it[0] for it in extents], axis=0), np.max([it[1] for it in extents], axis=0)])
    corners = (extent - np.array(_scene(viewer).camera.center[-2:])) * zoom + seen / 2
    found = np.clip(corners, 0, seen)
    return found if np.isfinite(found).all() and (found[1] - found[0] >= 1).all() else whole


def _extent(layer: Any, displayed: list[int], ndim: int) -> NDArray[np.float64]:
    """Return the outermost places, ((y, x), (y, x)) in the world, of a layer with the whole of its outermost pixels."""
    axes = [it - (ndim - layer.ndim) for it in displayed]
    if min(axes) < 0:
        return np.full((2, 2), np.nan)
    edges: NDArray[np.float64] = np.asarray(layer.extent.world, float)[:, axes]
    half = np.abs(np.asarray(layer.scale, float)[axes]) / 2 if isinstance(layer, Image) else np.zeros(2)
    return edges + np.array([-1, 1])[:, None] * half


def _time(viewer: Viewer) -> str:
    """Say which time of the recording is shown; empty where no movie is."""
    session = session_of(viewer)
    frame, movie = shown_frame(session), session.recording.movie
    moving = any(it.visible and isinstance(it, Image) and it.ndim >= 3 for it in viewer.layers)
    if frame is None or movie is None or not moving:
        return ""
    return f"frame {frame}" if movie.frame_rate is None else f"{frame / movie.frame_rate:.2f} s"


@contextmanager
def _drawn_alone(viewer: Viewer, zoom: float) -> Iterator[None]:
    """Draw layers without what napari draws over them, and nearer: a larger canvas alone shows more around them."""
    camera, before = _scene(viewer).camera, _scene(viewer).camera.zoom
    found = getattr(_canvas(viewer), "overlays", {})
    shown = [it for name in _OVERLAYS if (it := found.get(name)) is not None and it.visible]
    for overlay in shown:
        overlay.visible = False
    camera.zoom = zoom
    try:
        yield
    finally:
        camera.zoom = before
        for overlay in shown:
            overlay.visible = True


def _canvas(viewer: Viewer) -> Any:
    return getattr(viewer, "canvas", viewer)  # where napari keeps the grid from 0.9 on


def _scene(viewer: Viewer) -> Any:
    return getattr(viewer, "scene", viewer)
