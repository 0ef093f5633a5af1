"""The picture in the dialog: a mean frame with the outlines of ROIs over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_calcdyn.gui.layers.layers import contrast

_GROUND = QColor(20, 20, 22)  # of a microscope's picture, in both themes
_TEXT = QColor(200, 200, 200)
_OUTLINE, _SHADE = QColor(255, 176, 46), QColor(0, 0, 0, 150)
_SIDE = 380
_DARK = 1.0  # percentile of the pixels that is black


class Picture(QWidget):  # type: ignore[misc]
    """A grey image, as large as there is room, with thin outlines; or words where there is none yet."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 240)
        self.shape: tuple[int, int] | None = None
        self.mean: NDArray[np.float32] | None = None
        self.outlines: Sequence[NDArray[np.int64]] = ()
        self.words = ""
        self._image: QImage | None = None
        self._path = QPainterPath()

    def sizeHint(self) -> QSize:
        """Large enough to see cells."""
        return QSize(_SIDE, _SIDE)

    def show_image(self, shape: tuple[int, int] | None, mean: NDArray[np.float32] | None, words: str) -> None:
        """Show a mean frame (Y, X) in grey, dark where it is NaN; or words, over a dark ground of that shape."""
        if mean is not self.mean or mean is None:
            self._image = None if mean is None else _grey(mean)
        self.shape, self.mean, self.words = shape, mean, words
        self.update()

    def show_outlines(self, outlines: Sequence[NDArray[np.int64]]) -> None:
        """Draw outlines of corners (y, x), in pixels of the image, whose first pixel begins at (0, 0)."""
        if outlines is self.outlines:
            return
        self.outlines, self._path = outlines, QPainterPath()
        for outline in outlines:
            corners = [QPointF(float(x), float(y)) for y, x in outline]
            self._path.moveTo(corners[0])
            for corner in corners[1:]:
                self._path.lineTo(corner)
            self._path.closeSubpath()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint ground, image, outlines and words."""
        painter = QPainter(self)
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform, True
        )
        place = self._place()
        painter.fillRect(place, _GROUND)
        if self._image is not None:
            painter.drawImage(place, self._image)
        if self.shape is not None and not self._path.isEmpty():
            painter.save()
            painter.translate(place.topLeft())
            painter.scale(place.width() / self.shape[1], place.height() / self.shape[0])
            for colour, width in ((_SHADE, 3.0), (_OUTLINE, 1.3)):
                pen = QPen(colour, width)
                pen.setCosmetic(True)  # as wide in a small picture as in a large one
                painter.strokePath(self._path, pen)
            painter.restore()
        if self.words and self._image is None:
            painter.setPen(_TEXT)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(place.adjusted(16, 16, -16, -16), int(flags), self.words)
        painter.end()

    def _place(self) -> QRectF:
        """Return where the image lies: in the middle, with square pixels."""
        height, width = self.shape or (1, 1)
        scale = min(self.width() / width, self.height() / height)
        size = (scale * width, scale * height)
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, *size)


def _grey(mean: NDArray[np.float32]) -> QImage:
    known = mean[np.isfinite(mean)]
    low, high = contrast(mean, float(np.percentile(known, _DARK)) if known.size else 0.0)
    bytes_ = (np.clip(np.nan_to_num((mean - low) / (high - low), nan=0.0), 0, 1) * 255).astype(np.uint8)
    pixels = np.ascontiguousarray(bytes_)
    height, width = pixels.shape
    image = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
    return image.copy()  # its own memory
