"""What a session keeps of the layers: how they look, and the content of those that no other room brings back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.gui.layers.layers import RESULT, marks_of, result_layer
from napari_calcdyn.jobs.saved.contents import Kept, Part, Saved, letters
from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.packed import load_packed, save_packed

from .layer_content import add_layer, content_of
from .layer_style import apply_style, style_of
from .marks import mark_result, marked
from .saving import SavedSession

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_calcdyn.gui.session import Session
    from napari_calcdyn.gui.session.opening import Opening
    from napari_calcdyn.recording import ProgressCallback

_FILE = "layer.npz"
_NOT_SHOWN = (
    "These layers of the session could not be shown: {}. Save the session only if you can do without them."
)


def keep(session: Session, folder: Path) -> Kept:
    """Keep every layer of the viewer, the time that is shown, and the view."""
    viewer = session.viewer
    if viewer is None:
        return Kept()
    layers: list[dict[str, Any]] = []
    parts: dict[str, Part] = {}
    for number, layer in enumerate(viewer.layers):
        about: dict[str, Any] = {
            "role": _role(session, layer),
            "marks": marks_of(viewer, layer),
            "style": style_of(layer),
        }
        content = content_of(layer) if not about["role"] else None
        if content is not None:
            arrays, values, made_of = content
            about |= {"part": f"layer{letters(number)}", "values": values}
            parts[about["part"]] = Part((*made_of, str(values)), partial(_write, arrays=arrays))
        layers.append(about | {"type": type(layer).__name__.lower()})
    active, camera = viewer.layers.selection.active, _camera(viewer)
    view = {
        "step": [int(it) for it in viewer.dims.current_step],
        "centre": [float(it) for it in camera.center],
        "zoom": float(camera.zoom),
        "grid": bool(_grid(viewer).enabled),
        "active": None if active is None else active.name,
    }
    return Kept({"layers": layers, "view": view}, parts)


def bring_back(session: Session, saved: Saved, opening: Opening) -> Callable[[], object]:
    """Read the content of layers; the others are there already when they get their looks."""
    kept, view = saved.values.get("layers", []), saved.values.get("view", {})
    content: dict[str, dict[str, NDArray[Any]]] = {
        part: load_packed(place / _FILE)[0] for part, place in saved.parts.items()
    }
    if not all(isinstance(it, dict) and isinstance(it.get("style"), dict) and marked(it) for it in kept):
        raise InputError(f"The layers of the session {opening.folder} are damaged: choose another one.")
    for it in kept:
        mark_result(it, view)

    def show() -> None:
        viewer = session.viewer
        if viewer is None:
            return
        order, missing = [], []
        for it in kept:
            layer = _there(session, it)
            try:
                if layer is None and it.get("part") in content:
                    layer = add_layer(viewer, it["type"], content[it["part"]], it.get("values", {}), {})
                if layer is not None:
                    layer.metadata.update(it["marks"])
                    order.append(layer)
                    apply_style(layer, it["style"])
            except Exception:  # whatever napari says to what somebody wrote into the file
                missing.append(str(it["style"].get("name")))
        for layer in [it for it in viewer.layers if kept and it not in order]:
            viewer.layers.remove(layer)  # the user had removed it
        for layer in order:
            viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
        _show_view(session, view)
        if missing:
            session.part(SavedSession).whole = False
            session.work.tell("recording", _NOT_SHOWN.format(", ".join(missing)), True)

    return show


def _write(place: Path, progress: ProgressCallback, *, arrays: dict[str, NDArray[Any]]) -> None:
    save_packed(place / _FILE, arrays, {})


def _role(session: Session, layer: Layer) -> str:
    """Say which layer of the session it is, whatever the user calls it; empty where it is none."""
    return next((role for role, it in session.named_layers.items() if it is layer), "")


def _there(session: Session, about: dict[str, Any]) -> Layer | None:
    viewer, role = session.viewer, about.get("role")
    if role:
        return session.named_layers.get(role)
    if about["marks"].get(RESULT):
        return result_layer(viewer, about["marks"][RESULT])
    name, kind = about["style"].get("name"), about.get("type")
    layers = viewer.layers if viewer is not None else []
    return next((it for it in layers if it.name == name and type(it).__name__.lower() == kind), None)


def _show_view(session: Session, view: dict[str, Any]) -> None:
    viewer = session.viewer
    if viewer is None or not view:
        return
    step = view.get("step", [])
    if len(step) == viewer.dims.ndim:
        viewer.dims.current_step = tuple(step)
    _grid(viewer).enabled = bool(view.get("grid"))
    camera = _camera(viewer)
    camera.center, camera.zoom = tuple(view["centre"]), float(view["zoom"])
    active = next((it for it in viewer.layers if it.name == view.get("active")), None)
    if active is not None:
        viewer.layers.selection.active = active


def _camera(viewer: Viewer) -> Any:
    return getattr(viewer, "scene", viewer).camera  # where napari keeps it from 0.9 on


def _grid(viewer: Viewer) -> Any:
    return getattr(viewer, "canvas", viewer).grid
