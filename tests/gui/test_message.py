"""What a dock says looks as it was written."""

from __future__ import annotations

from typing import Any

from napari_calcdyn.gui.background.status import Status
from napari_calcdyn.gui.docks.message import MessageLine, ProgressRow


def width_of(label: Any) -> int:
    label.setWordWrap(False)
    width: int = label.sizeHint().width()
    return width


def test_an_apostrophe_is_no_code(qtbot: Any) -> None:
    line, row = MessageLine(), ProgressRow()
    qtbot.addWidget(line)
    qtbot.addWidget(row)
    line.say("the model's network")
    quoted = width_of(line)
    line.say("the models network")
    assert quoted - width_of(line) < line.fontMetrics().horizontalAdvance("#x27;") / 2
    row.show_status(Status("dynamics", "the model's network"))
    quoted = width_of(row.stage)
    row.show_status(Status("dynamics", "the models network"))
    assert quoted - width_of(row.stage) < row.stage.fontMetrics().horizontalAdvance("#x27;") / 2
