"""The latents of a session's recording: encoded once, for whoever asks first, and kept for the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.recording.progress import ProgressCallback, report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_calcdyn.models.var_autoencoder.model import VARAutoencoder
    from napari_calcdyn.recording import Movie

    from .session import Session

_WAIT_S = 0.1  # between two looks at whether somebody who waits for another's work should stop


class Latents:
    """The latents of a session's recording by its model, as ``session.part(Latents)``.

    Parameters
    ----------
    session : Session
        Whose.
    """

    def __init__(self, session: Session) -> None:
        self._lock = threading.Lock()
        self._of: tuple[Any, ...] = ()  # movie and model
        self._latents: NDArray[np.float32] | None = None
        for signal in (session.recording.events.movie, session.dynamics.events.model):
            signal.connect(self._forget)

    def get(
        self, movie: Movie, model: VARAutoencoder, progress: ProgressCallback | None
    ) -> NDArray[np.float32]:
        """Return latents (T, d) float32; call it off the GUI thread.

        Where two ask at the same time, the second waits for what the first encodes.
        """
        while not self._lock.acquire(timeout=_WAIT_S):
            report(progress, 0, movie.n_frames)
        try:
            known = self._latents
            if known is not None and self._of[0] is movie and self._of[1] is model:
                return known
            leave_a_core()
            latents = model.encode(movie, progress)
            self._of, self._latents = (movie, model), latents
            return latents
        finally:
            self._lock.release()

    def _forget(self, *_: object) -> None:
        self._of, self._latents = (), None
