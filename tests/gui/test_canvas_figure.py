"""What is on the canvas as a figure: the layers as napari blends them, and what says how large, how bright and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QInputDialog
from test_map_figure import picture_in

from napari_calcdyn.gui.docks import canvas
from napari_calcdyn.gui.figures.canvas_figure import write_canvas
from napari_calcdyn.gui.layers.layers import UNIT
from napari_calcdyn.gui.recording.recordings import use_layer
from napari_calcdyn.gui.session import session_of
from napari_calcdyn.recording import InputError

HEIGHT, WIDTH = 20, 30
IN_PLACE: dict[str, Any] = {"scale": (2.0, 2.0), "units": ("um", "um")}


@pytest.fixture
def shown(viewer: Any, qtbot: Any) -> Any:
    """A grey movie with a blue map over its left half; a pixel is 2 µm."""
    movie = np.full((5, HEIGHT, WIDTH), 128, np.uint8)
    layer = viewer.add_image(
        movie,
        name="movie",
        contrast_limits=(0, 255),
        metadata={"frame_rate": 4.0},
        scale=(1.0, 2.0, 2.0),
        units=("pixel", "um", "um"),
    )
    use_layer(session_of(viewer), layer)
    half = np.zeros((HEIGHT, WIDTH), np.float32)
    half[:, : WIDTH // 2] = 7
    viewer.add_image(
        half,
        name="map",
        colormap="blue",
        blending="additive",
        contrast_limits=(0, 7),
        metadata={UNIT: "counts²"},
        **IN_PLACE,
    )
    viewer.dims.set_current_step(0, 3)
    qtbot.wait(100)
    viewer.fit_to_view(margin=0.2)  # whatever room the sliders have left
    return viewer


def test_the_figure_says_how_large_how_bright_and_when(shown: Any, tmp_path: Path) -> None:
    shown.canvas.overlays["scale_bar"].visible = True
    zoom, centre = shown.scene.camera.zoom, shown.scene.camera.center
    write_canvas(shown, tmp_path / "canvas.svg", 600)
    assert shown.canvas.overlays["scale_bar"].visible
    assert (shown.scene.camera.zoom, shown.scene.camera.center) == (zoom, centre)
    svg = (tmp_path / "canvas.svg").read_text(encoding="utf-8")
    for text in ("10 µm", "map (counts²)", "0.75 s"):
        assert f">{text}</text>" in svg
    drawn = picture_in(svg)
    assert drawn.shape[1] == pytest.approx(600, abs=2)
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx(HEIGHT / WIDTH, abs=0.01)  # without margins
    left, right = drawn[50:-50, 20:280].reshape(-1, 3), drawn[50:-50, 320:-20].reshape(-1, 3)
    np.testing.assert_allclose(right, 128 / 255, atol=0.01)
    np.testing.assert_allclose(left, np.broadcast_to((128 / 255, 128 / 255, 1), left.shape), atol=0.01)


def test_only_what_is_shown_counts(shown: Any, tmp_path: Path) -> None:
    shown.layers["map"].visible = False
    shown.scene.camera.zoom *= 4
    write_canvas(shown, tmp_path / "canvas.svg", 600)
    svg = (tmp_path / "canvas.svg").read_text(encoding="utf-8")
    assert "counts²" not in svg
    assert ">10 µm</text>" not in svg  # it would be wider than a quarter of what is seen
    np.testing.assert_allclose(picture_in(svg), 128 / 255, atol=0.01)
    shown.dims.ndisplay = 3
    write_canvas(shown, tmp_path / "canvas.pdf", 300)
    assert (tmp_path / "canvas.pdf").read_bytes().startswith(b"%PDF")
    shown.layers["movie"].visible = False
    with pytest.raises(InputError, match="No layer is shown"):
        write_canvas(shown, tmp_path / "canvas.pdf")


def test_the_menu_asks_where_and_how_large(
    shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "canvas.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(file), ""))
    monkeypatch.setattr(QInputDialog, "getInt", lambda *_, **__: (900, False))
    canvas.save_canvas_figure()
    assert not file.exists()
    monkeypatch.setattr(QInputDialog, "getInt", lambda *_, **__: (900, True))
    canvas.save_canvas_figure()
    assert session_of(shown).work.notice.text == f"The canvas was saved as {file}."
    height, width = matplotlib.image.imread(file).shape[:2]
    assert width > 900 > height
    monkeypatch.setattr(QInputDialog, "getInt", lambda *_, **__: (10_000, True))
    shown.scene.camera.center, shown.scene.camera.zoom = (0.0, 0.0, 0.0), 1.0
    canvas.save_canvas_figure()
    assert "would be too large" in session_of(shown).work.notice.text
