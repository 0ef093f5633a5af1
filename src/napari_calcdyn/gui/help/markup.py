"""A page of the documentation as the HTML that Qt knows."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from napari_calcdyn.gui.plots.theme import Colour, PlotColours

# Code is matched first, and left as it is.
_FORMULA = re.compile(
    r"```.*?```|`[^`\n]*`|\\\((.+?)\\\)|\\\[(.+?)\\\]|\$\$(.+?)\$\$|(?<![\\$])\$(?![\s$])([^$]+?)(?<!\s)\$(?!\d)",
    re.DOTALL,
)
_TABLE = re.compile(r'^--8<-- "(.+?)"$', re.MULTILINE)
_OBJECT = re.compile(r"^::: \w+(\.\w+)*\.(\w+)\n(?:    .*\n)*", re.MULTILINE)


_REPORT = "Report a problem"


class Page(NamedTuple):
    """A page as HTML, and the formulas in it: their pictures are ``formula:0`` and so on."""

    html: str
    formulas: tuple[tuple[str, bool], ...]
    """TeX, and whether it stands within a line."""


def page_markup(text: str, root: Path, colours: PlotColours) -> Page:
    """Return a page as HTML.

    Parameters
    ----------
    text : str
        Markdown, with what mkdocs makes of it: footnotes, tables from other files, formulas.
    root : Path
        Folder of those tables.
    colours : PlotColours
        Of the theme.
    """
    from markdown import markdown

    formulas: list[tuple[str, bool]] = []

    def picture(found: re.Match[str]) -> str:
        tex = next((it for it in found.groups() if it is not None), None)
        if tex is None:
            return found[0]
        inline = found[2] is None and found[3] is None
        formulas.append((tex, inline))
        place = ' style="vertical-align: middle"' if inline else ""
        image = f'<img src="formula:{len(formulas) - 1}"{place}>'
        return image if inline else f'\n\n<p align="center">{image}</p>\n\n'

    text = _TABLE.sub(lambda found: _table(root / found[1]), text)
    text = _OBJECT.sub(r"- `\2`" + "\n", text)
    body = markdown(
        _FORMULA.sub(picture, text), extensions=["tables", "footnotes", "toc", "fenced_code", "sane_lists"]
    )
    body = body.replace("<table>", '<table cellspacing="0" cellpadding="5">').replace(
        "<th>", '<th align="left">'
    )
    title = text.lstrip().partition("\n")[0].lstrip("# ")
    head = f"<head><title>{escape(title)}</title><style>{_style(colours)}</style></head>"
    return Page(f"<html>{head}<body>{body}</body></html>", tuple(formulas))


def report_markup(words: str, text: str, colours: PlotColours) -> str:
    """Return a text as it is, below some words about it."""
    head = f"<head><title>{_REPORT}</title><style>{_style(colours)}</style></head>"
    return f"<html>{head}<body><h1>{_REPORT}</h1><p>{words}</p><pre>{escape(text)}</pre></body></html>"


def _table(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else "*A table of the page online.*"


def _style(colours: PlotColours) -> str:
    """Return the style of a page; Qt takes the rest from the theme of the window."""
    between = tuple(round(0.85 * a + 0.15 * b) for a, b in zip(colours.background, colours.text, strict=True))
    return f"""
        a {{ color: {_hex(colours.negative)}; }}
        h1 {{ font-size: x-large; }} h2 {{ font-size: large; margin-top: 18px; }}
        h3, h4 {{ font-size: medium; margin-top: 14px; }}
        p, li {{ line-height: 130%; }}
        table {{ margin-top: 6px; margin-bottom: 10px; }}
        th, td {{ border-bottom: 1px solid {_hex(colours.grid)}; }}
        pre {{ white-space: pre-wrap; background-color: {_hex(between)}; margin: 6px; }}
        code {{ background-color: {_hex(between)}; }}
    """


def _hex(colour: tuple[int, ...] | Colour) -> str:
    return "#" + "".join(f"{it:02x}" for it in colour)
