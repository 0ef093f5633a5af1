"""The page itself: headings, pictures, tables, and how the result was made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from napari_calcdyn.jobs.overviews.panels import Panel
from napari_calcdyn.recording.writing import replacing, writing

from .citation import SOFTWARE, Paper
from .pictures import as_svg
from .style import CSS

REPORT = "report.html"
_WIDE = 6.5  # inches: from here on a picture takes the whole width


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Parameters
    ----------
    name : str
        Its heading.
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequence
        Cells: texts, numbers, or None.
    note : str
        What is to be known of it.
    """

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Everything that a report says; text from files is escaped when it is written.

    Parameters
    ----------
    title : str
        Of the page.
    sentences : sequence of str
        What was found, first of all.
    panels : sequence of Panel
        The pictures.
    tables : sequence of Table
        The numbers.
    metrics : mapping
        Content of the folder's JSON file, with its `provenance`.
    paper : Paper
        Whose method it is.
    files : mapping of str to str
        Names of the files in the folder, and what they hold.
    """

    title: str
    sentences: Sequence[str]
    panels: Sequence[Panel]
    tables: Sequence[Table]
    metrics: Mapping[str, Any]
    paper: Paper
    files: Mapping[str, str] = field(default_factory=dict)


def write_report(folder: Path, report: Report) -> None:
    """Write ``report.html``, in one step. It needs no network and no other file.

    Parameters
    ----------
    folder : Path
        Where to.
    report : Report
        What it says.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    about = report.metrics["provenance"]
    files = Table("Files in this folder", ("File", "Holds"), report.files.items())
    parts = [
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="soft">{escape(_made(report.metrics, about))}</p>',
        *(f"<p>{escape(text)}</p>" for text in report.sentences),
        "<h2>Quality of the recording</h2>",
        *_quality(report.metrics),
        "<h2>Pictures</h2>",
        f'<div class="grid">{"".join(map(_figure, report.panels))}</div>',
        "<h2>Numbers</h2>",
        *(_table(it) for it in (*report.tables, _measurements(report.metrics))),
        *([_table(files)] if report.files else []),
        "<h2>How it was made</h2>",
        *_how(about),
        "<h2>How to cite</h2>",
        _cite(report.paper, about),
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )
    file = folder / REPORT
    with writing(folder), replacing(file) as beside:
        beside.write_text(page, encoding="utf-8")


def _made(metrics: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    program = f"napari-calcdyn {about['versions'].get('napari-calcdyn', '')}".strip()
    seconds = f", in {metrics['seconds']:.0f} s" if "seconds" in metrics else ""
    return f"Made by {program} on {about['began'].replace('T', ' at ')}{seconds}."


def _quality(metrics: Mapping[str, Any]) -> list[str]:
    parts = []
    found = metrics.get("findings") or []
    if found:
        listed = "".join(f"<li>{escape(text)}</li>" for text in found)
        parts.append(f'<div class="card warn"><h3>Found and not corrected</h3><ul>{listed}</ul></div>')
    corrected = metrics.get("corrected") or "Nothing was corrected."
    return [*parts, f"<p>{escape(corrected)}</p>"]


def _figure(panel: Panel) -> str:
    said = f"<h3>{escape(panel.name)}</h3><figcaption>{escape(panel.about)}</figcaption>"
    if not panel.picture:
        return f'<figure class="card">{said}</figure>'
    wide = " wide" if panel.size[0] >= _WIDE else ""
    return f'<figure class="card{wide}" role="img" aria-label="{escape(panel.name)}">{said}{as_svg(panel)}</figure>'


def _measurements(metrics: Mapping[str, Any]) -> Table:
    rows = [(name, value) for name, value in metrics.items() if not isinstance(value, list | dict)]
    return Table("All measurements", ("Name", "Value"), rows, "The command-line page explains the names.")


def _how(about: Mapping[str, Any]) -> list[str]:
    command = about["command_line"]
    typed = (
        f"<pre>{escape(command)}</pre>"
        if command
        else "<p>It was made in Python or in the window, with the settings below.</p>"
    )
    parts = [f'<div class="card"><h3>The command that repeats it</h3>{typed}</div><p></p>']
    for number, it in enumerate(about["inputs"], 1):
        which = f" {number}" if len(about["inputs"]) > 1 else ""
        parts.append(_table(Table(f"Input{which}: {it['kind']}", ("", ""), it.items()), shut=True))
    rows = [("seed", about["seed"]), ("device", about["device"]), *(about["settings"] or {}).items()]
    parts.append(_table(Table("Settings", ("Name", "Value"), rows), shut=True))
    versions = {**about["versions"], "system": about["system"]}
    parts.append(_table(Table("Versions", ("Name", "Version"), versions.items()), shut=True))
    return parts


def _cite(paper: Paper, about: Mapping[str, Any]) -> str:
    software = f"{SOFTWARE}. napari-calcdyn, version {about['versions'].get('napari-calcdyn', '')}."
    method = f"{paper.authors} ({paper.year}). {paper.title}. arXiv:{paper.arxiv}."
    return (
        f'<div class="card"><p>{escape(software)}</p><p>{escape(method)} '
        f'<a href="{escape(paper.link)}">{escape(paper.link)}</a></p></div>'
    )


def _table(table: Table, shut: bool | None = None) -> str:
    """Return a table that can be shut; by default it is shut where it is long."""
    rows = [list(row) for row in table.rows]
    numeric = [bool(rows) and all(_is_number(row[at]) for row in rows) for at in range(len(table.columns))]
    kind = ["number" if it else "text" for it in numeric]
    head = "".join(
        f'<th class="{css}">{escape(str(name))}</th>' for name, css in zip(table.columns, kind, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{css}">{escape(_cell(it))}</td>' for it, css in zip(row, kind, strict=True))
        + "</tr>"
        for row in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if any(table.columns) else ""
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    if not rows:
        head, note = "", f'<p class="note">None. {escape(table.note)}</p>'
    is_open = "" if shut or (shut is None and len(rows) > 12) else " open"
    return (
        f'<details class="card"{is_open}><summary>{escape(table.name)}</summary>{note}'
        f'<div class="table"><table>{head}<tbody>{body}</tbody></table></div></details>'
    )


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | np.number) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float | np.floating):
        return f"{value:.4g}" if np.isfinite(value) else "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
