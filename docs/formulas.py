"""Hook of mkdocs: formulas become MathML when the pages are built, which a browser draws without any script."""

from __future__ import annotations

import html
import re
from typing import Any

from math_core import LatexToMathML

# Pages: the arithmatex extension leaves \( … \) for a formula within a line, \[ … \] for one that stands alone.
# Docstrings: :math:`…`, of which Markdown takes the second half for code.
FORMULA = re.compile(
    r'<(?:span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</(?:span|div)>|:math:<code>(.*?)</code>',
    re.DOTALL,
)
CONVERTER = LatexToMathML(annotation=True)


def mathml(found: re.Match[str]) -> str:
    """Return a formula as MathML; one that cannot be read stops the build."""
    tex = html.unescape(found[2] or found[3])
    return CONVERTER.convert_with_local_state(tex, displaystyle=found[1] == "[")


def on_page_content(content: str, **_: Any) -> str:
    """Replace every formula of a page; mkdocs calls this."""
    return FORMULA.sub(mathml, content)
