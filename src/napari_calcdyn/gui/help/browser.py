"""A browser for the pages: links between them, their pictures and formulas, in the colours of the theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices, QImage, QResizeEvent, QTextDocument
from qtpy.QtWidgets import QTextBrowser

from napari_calcdyn.gui.plots.theme import PlotColours

from .formulas import formula_image, missing_image
from .markup import Page, page_markup, report_markup
from .pages import online, page_file, pages_root

_REPORT = QUrl("report:")
_HTML = QTextDocument.ResourceType.HtmlResource
_MARGIN = 16  # px, beside pictures
_WAIT_MS = 150  # until a window that is resized is settled


class PageBrowser(QTextBrowser):  # type: ignore[misc]
    """Shows pages, and leaves what did not come with the package to the browser of the system.

    Parameters
    ----------
    colours : PlotColours
        Of the theme.
    """

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._colours = colours
        self._page = Page("", ())
        self._report = ("", "")
        self._wide = 0
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # else a picture were too wide
        self.setOpenLinks(False)
        self.anchorClicked.connect(self.follow)
        self.document().setDocumentMargin(_MARGIN)
        self._settled = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._settled.timeout.connect(self._fit)

    def show_page(self, name: str) -> None:
        """Show a page by its name in ``docs``, which may end with the name of a section."""
        name, _, section = name.partition("#")
        url = QUrl.fromLocalFile(str(page_file(name)))
        if section:
            url.setFragment(section)
        self.setSource(url, _HTML)

    def show_report(self, words: str, text: str) -> None:
        """Show a text below some words about it."""
        self._report = words, text
        if self.source() == _REPORT:
            self.reload()
        self.setSource(_REPORT, _HTML)

    def follow(self, link: QUrl) -> None:
        """Open what a link names: a page here, anything else in the browser of the system."""
        url = self.source().resolved(link)
        path = Path(url.toLocalFile())
        if not url.isLocalFile():
            QDesktopServices.openUrl(url)
        elif path.suffix == ".md" and path.is_file():
            self.setSource(url, _HTML)
        else:
            QDesktopServices.openUrl(QUrl(online(path)))

    def set_colours(self, colours: PlotColours) -> None:
        """Follow the theme."""
        if colours != self._colours:
            self._colours = colours
            self._again()

    def loadResource(self, kind: int, url: QUrl) -> Any:
        """Return what Qt asks for: a page as HTML, a formula, or a picture no wider than the window."""
        if kind == _HTML.value and url == _REPORT:
            self._page = Page(report_markup(*self._report, self._colours), ())
            return self._page.html
        if kind == _HTML.value:
            text = Path(url.toLocalFile()).read_text(encoding="utf-8")
            self._page = page_markup(text, pages_root(), self._colours)
            return self._page.html
        if url.scheme() == "formula":
            return self._formula(*self._page.formulas[int(url.path())])
        return self._picture(Path(url.toLocalFile()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make pictures as wide as the window, once it is settled."""
        super().resizeEvent(event)
        self._settled.start()

    def _formula(self, tex: str, inline: bool) -> QImage:
        size = 1.15 * self.fontInfo().pixelSize()
        try:
            return formula_image(tex, self._colours.text, size, self.devicePixelRatioF(), inline=inline)
        except ValueError:
            return missing_image(tex, self._colours.text, size)

    def _picture(self, path: Path) -> QImage:
        image = QImage(str(path))
        if image.isNull():
            return missing_image("(picture of the page online)", self._colours.grid, 12)
        ratio = self.devicePixelRatioF()
        self._wide = self.viewport().width()
        wide = round(ratio * (self._wide - 2 * _MARGIN))
        if image.width() > wide > 0:
            image = image.scaledToWidth(wide, Qt.TransformationMode.SmoothTransformation)
            image.setDevicePixelRatio(ratio)
        return image

    def _fit(self) -> None:
        if self._wide and self._wide != self.viewport().width():
            self._again()

    def _again(self) -> None:
        """Show the page anew where it is."""
        place = self.verticalScrollBar().value() / max(1, self.verticalScrollBar().maximum())
        self.reload()
        self.verticalScrollBar().setValue(round(place * self.verticalScrollBar().maximum()))
