"""A layer as a figure for a paper: what it says, and that it is what the window shows."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import numpy as np
import pytest

from napari_calcdyn.gui.dynamics.results import EXPLAINED, SOURCES
from napari_calcdyn.gui.figures.map_figure import write_figure
from napari_calcdyn.gui.layers.at_all_times import AtAllTimes
from napari_calcdyn.gui.layers.layers import HEAT_OVERLAY, UNIT
from napari_calcdyn.recording import InputError

if TYPE_CHECKING:
    from napari import Viewer

MAP = np.arange(12, dtype=np.float32).reshape(3, 4)


def picture_in(svg: str) -> np.ndarray:
    """Return the first picture of pixels in a figure, colours from 0 to 1."""
    found = re.search(r"base64,\s*([A-Za-z0-9+/=\s]+)", svg)[1]
    return matplotlib.image.imread(io.BytesIO(base64.b64decode(found)))[..., :3]


def test_figure_has_scale_bar_colour_bar_and_unit(viewer: Viewer, tmp_path: Path) -> None:
    layer = viewer.add_image(
        MAP,
        name=EXPLAINED,
        colormap=HEAT_OVERLAY,
        contrast_limits=(0, 11),
        gamma=0.5,
        scale=(50, 50),
        units=("um", "um"),
        metadata={UNIT: "counts²"},
    )
    data, meta, _ = layer.as_layer_data_tuple()
    for name in ("map.svg", "map.pdf"):
        assert write_figure(str(tmp_path / name), data, meta) == [str(tmp_path / name)]
    svg = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert ">50 µm</text>" in svg
    assert ">counts²</text>" in svg
    assert f">{EXPLAINED}</text>" in svg
    assert (tmp_path / "map.pdf").read_bytes().startswith(b"%PDF")
    drawn = picture_in(svg)
    assert drawn.shape[:2] == MAP.shape
    expected = HEAT_OVERLAY.map((MAP / 11).ravel() ** 0.5)
    np.testing.assert_allclose(
        drawn.reshape(-1, 3), expected[:, :3] * expected[:, 3:], atol=0.02
    )  # as over black


def test_the_source_that_is_shown_is_drawn(viewer: Viewer, tmp_path: Path) -> None:
    sources = np.stack([MAP, MAP[::-1], np.zeros_like(MAP)])
    layer = viewer.add_image(
        AtAllTimes(sources, 5), name=SOURCES, colormap="gray", contrast_limits=(0, 11), scale=(1, 1, 2, 2)
    )
    viewer.dims.set_current_step(0, 1)
    data, meta, _ = layer.as_layer_data_tuple()
    write_figure(str(tmp_path / "source.svg"), data, meta)
    svg = (tmp_path / "source.svg").read_text(encoding="utf-8")
    np.testing.assert_allclose(picture_in(svg)[..., 0], MAP[::-1] / 11, atol=0.01)
    assert "µm" not in svg


def test_what_is_no_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no values to show with a colour bar"):
        write_figure(str(tmp_path / "a.svg"), np.zeros((3, 4, 3), np.uint8), {"rgb": True, "name": "photo"})
    with pytest.raises(InputError, match="holds more than one picture"):
        write_figure(str(tmp_path / "a.svg"), np.zeros((9, 3, 4)), {"name": "nowhere"})
    with pytest.raises(InputError, match="cannot be written"):
        write_figure(str(tmp_path / "none" / "a.svg"), MAP, {})
    assert list(tmp_path.iterdir()) == []
