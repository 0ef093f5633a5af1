"""How long the training takes and how much memory it needs, as the settings are changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_calcdyn.gui.background.job import Latest
from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.docks.message import MessageLine
from napari_calcdyn.recording.errors import InputError

# torch is imported by the first estimate, in its worker, and not when a dock opens.
if TYPE_CHECKING:
    from napari_calcdyn.models.var_autoencoder.config import VARAutoencoderConfig
    from napari_calcdyn.recording import Movie


class EstimateLine(MessageLine):
    """One sentence about the training of a recording with some settings, worked out off the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self._about: object = None
        self.latest = Latest("Estimate")

    def show_for(self, movie: Movie | None, config: VARAutoencoderConfig | None, device: str) -> None:
        """Say what the training takes, soon; nothing without a recording or without settings."""
        self._about = about = None if movie is None or config is None else object()
        if movie is None or config is None:
            self.say("")
            return

        def done(found: tuple[str, bool]) -> None:
            if self._about is about:
                self.say(*found)

        self.latest.ask(partial(_found, movie, config, device), done)


def check(movie: Movie, config: VARAutoencoderConfig, device: str) -> None:
    """Refuse settings that would not fit into memory; imports torch."""
    from napari_calcdyn.jobs.estimate import check_memory

    check_memory(movie, config, device=device)


def _found(movie: Movie, config: VARAutoencoderConfig, device: str) -> tuple[str, bool]:
    """Return the sentence, and whether it says that something is wrong."""
    from napari_calcdyn.jobs.estimate import estimate

    leave_a_core()
    try:
        cost = estimate(movie, config, device=device)
    except InputError as error:
        return str(error), True
    return str(cost or ""), False
