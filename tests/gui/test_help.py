"""The help window: the page of each panel, in the colours of the theme and without a network."""

from __future__ import annotations

import re
from typing import Any

import pytest
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QTextDocument

from napari_calcdyn.gui.docks.panels import open_panel
from napari_calcdyn.gui.help.browser import PageBrowser
from napari_calcdyn.gui.help.formulas import formula_image, formula_path
from napari_calcdyn.gui.help.markup import page_markup
from napari_calcdyn.gui.help.pages import CONTENTS, PANEL_PAGES, page_file, pages_root
from napari_calcdyn.gui.help.window import help_window
from napari_calcdyn.gui.plots.theme import PAPER, plot_colours
from napari_calcdyn.gui.session import session_of

PAGES = sorted(page_file(CONTENTS).parent.glob("*.md"))
SHOWN = QTextDocument.ResourceType.ImageResource


def markup(name: str) -> Any:
    return page_markup(page_file(name).read_text(encoding="utf-8"), pages_root(), PAPER)


def test_every_formula_of_the_pages_can_be_set() -> None:
    formulas = [tex for path in PAGES for tex, _ in markup(path.name).formulas]
    assert len(formulas) > 200
    for tex in formulas:
        assert len(formula_path(tex, 15.0).vertices) > 0, tex


def test_code_with_dollars_is_left_as_it_is() -> None:
    page = page_markup("`$OUT` and\n\n```bash\necho $A $B\n```\n\nbut $a_1$.", pages_root(), PAPER)
    assert [tex for tex, _ in page.formulas] == ["a_1"]
    assert "$OUT" in page.html
    assert "echo $A $B" in page.html


def test_a_formula_is_wide_dark_on_light_and_has_no_background(qapp: Any) -> None:
    image = formula_image(r"\frac1T \sum_t x[t]", (0, 0, 0), 20.0)
    short = formula_image("x", (0, 0, 0), 20.0)
    assert image.width() > 2 * short.width()
    assert image.pixelColor(0, 0).alpha() == 0
    dark = [image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height())]
    assert max(dark) > 200


def test_pages_have_footnotes_tables_and_no_mark_of_the_site_generator() -> None:
    assert "Javanmard" in markup("influence.md").html
    assert "<td>" in markup("behaviour.md").html.split("unrelated:")[1].split("mouse recording")[0]
    for path in PAGES:
        page = re.sub(r"<(code|pre)>.*?</\1>", "", markup(path.name).html, flags=re.DOTALL)
        assert not re.search(r"--8<--|\[\^\w+\]|^::: |\\\(|\\\[", page, re.MULTILINE), path.name


@pytest.mark.parametrize("place", PANEL_PAGES.values())
def test_the_page_of_a_panel_has_the_section_and_its_pictures(place: str) -> None:
    name, _, section = place.partition("#")
    page = markup(name)
    assert not section or f'id="{section}"' in page.html
    pictures = re.findall(r'src="(images/.+?)"', page.html)
    assert all(page_file(it).is_file() for it in pictures)


def test_the_question_mark_in_each_panel_opens_its_page(docks: Any, viewer: Any, qtbot: Any) -> None:
    session = session_of(viewer)
    for topic in ("traces", "behaviour"):
        open_panel(docks[0], session, topic)
    panels = {dock.topic: dock for dock in session.panels}
    assert panels.keys() == PANEL_PAGES.keys()
    for topic, dock in panels.items():
        dock.parentWidget().raise_()
        qtbot.waitUntil(lambda dock=dock: not dock.help.visibleRegion().isEmpty(), timeout=2000)
        shown = dock.help.visibleRegion().boundingRect()
        assert shown.width() == dock.help.sizeHint().width()  # and not cut off
        assert shown.height() > dock.help.fontMetrics().height()
        dock.help.click()
        window = help_window(session)
        source = window.browser.source()
        name, _, section = PANEL_PAGES[topic].partition("#")
        assert (source.fileName(), source.fragment()) == (name, section)
        assert window.isVisible()
        assert window.windowTitle() == page_file(name).read_text(encoding="utf-8").partition("\n")[0][2:]
        first = re.search(r'src="(images/.+?)"', markup(name).html)
        picture = window.browser.document().resource(SHOWN, source.resolved(QUrl(first[1])))
        assert 300 < picture.width() <= window.browser.viewport().width()
    assert len(viewer.window._qt_window.findChildren(type(window))) == 1

    before = window.browser.toHtml()
    viewer.theme = "light"
    assert window.browser.toHtml() != before
    assert "#{:02x}{:02x}{:02x}".format(*plot_colours("light").negative) in window.browser.toHtml()


def test_links_lead_to_pages_here_and_else_to_the_browser(
    qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    browser = PageBrowser(PAPER)
    qtbot.addWidget(browser)
    browser.resize(700, 500)
    browser.show_page("first_recording.md#3-train")
    browser.follow(QUrl("recording.md#what-the-panel-finds"))
    assert browser.source().fileName() == "recording.md"
    browser.follow(QUrl("#which-files"))
    assert browser.source().fragment() == "which-files"
    browser.backward()
    browser.backward()
    assert browser.source().fileName() == "first_recording.md"
    browser.follow(QUrl("https://example.org/x"))
    browser.follow(QUrl("../examples/open_recording.py"))
    assert opened == [
        "https://example.org/x",
        "https://github.com/napari-calcdyn/napari-calcdyn/blob/main/examples/open_recording.py",
    ]
    assert browser.source().fileName() == "first_recording.md"


def test_words_are_found_again_from_the_top(docks: Any, viewer: Any) -> None:
    docks[0].help.click()
    window = help_window(session_of(viewer))
    window.browser.show_page("inspector.md")
    window.search.setText("Preparation")
    places = []
    for _ in range(3):
        window.find()
        places.append(window.browser.textCursor().position())
    assert len(set(places[:2])) == 2
    assert places[2] in places[:2]
    window.search.setText("no such words")
    window.find()
    assert window.search.toolTip() == "This page does not have these words."
