"""What the Compare dock does: compare two stretches in the background, show where they differ, keep the result."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_calcdyn.gui.background.threads import leave_a_core
from napari_calcdyn.gui.dynamics.results import EXPLAINED
from napari_calcdyn.gui.layers.layers import (
    COUNTS,
    HEAT_OVERLAY,
    contrast,
    hide_result,
    put_image,
    result_layer,
)
from napari_calcdyn.gui.session import Session
from napari_calcdyn.gui.session.cells import cells_of
from napari_calcdyn.gui.session.compared import Compared
from napari_calcdyn.gui.session.latents import Latents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_calcdyn.analysis.sequences.comparison import Comparison
    from napari_calcdyn.jobs.comparison import ComparisonMaps
    from napari_calcdyn.recording import Movie, RoiSet
    from napari_calcdyn.recording.progress import ProgressCallback

COMPARING = "Comparing"
DIFFERENCE = "Compare: difference"
NO_MOVIE = "Open a recording first, in the Recording panel."
NO_MODEL = "Train or load a model in the Dynamics panel first: its dynamics are compared."


@dataclass(frozen=True, eq=False)
class Question:
    """What is compared.

    Parameters
    ----------
    movies : tuple of Movie
        The recording, and the other one where B is in another one.
    a, b : list of range
        Frames, each of the recording that it is in.
    words : str
        What A and B are, for the result.
    rois : RoiSet or None
        Those whose activities are compared; None compares latents.
    """

    movies: tuple[Movie, ...]
    a: list[range]
    b: list[range]
    words: str
    rois: RoiSet | None = None


def compare(
    session: Session, question: Question, permutations: int, block: int | Literal["auto"] = "auto"
) -> bool:
    """Compare two stretches in the background; returns whether it was started.

    What was found before stays until there is a new answer.

    Parameters
    ----------
    session : Session
        With a model.
    question : Question
        What to compare.
    permutations : int
        Number of shuffles.
    block : int or "auto"
        Frames in a block.
    """
    model, movie, source = session.dynamics.model, question.movies[0], session.recording.source
    shared, rois, cells = session.part(Latents), question.rois, cells_of(session)
    known = cells.activity if cells is not None and cells.fitted.rois is rois else None
    if model is None:
        session.work.tell("compare", NO_MODEL, True)
        return False

    def compute(progress: ProgressCallback) -> tuple[Comparison, ComparisonMaps]:
        from napari_calcdyn.jobs.compared_columns import columns_of
        from napari_calcdyn.jobs.comparison import compare

        leave_a_core()
        testing = permutations + sum(map(len, question.a)) + sum(map(len, question.b))
        read, columns = 0, []
        # The other recording is corrected as the model's own was.
        movies = [it if it is movie else model.corrected(it, progress) for it in question.movies]
        for it in movies:

            def reading(done: int, frames: int, before: int = read) -> bool | None:
                nonlocal read
                read = before + done
                return progress(read, before + frames + testing)

            if it is movie and rois is None:
                columns.append(shared.get(it, model, reading))
            elif it is movie and known is not None:
                columns.append(known)
            else:
                columns.append(columns_of(model, it, rois, reading))
        return compare(
            model,
            movies,
            question.a,
            question.b,
            rois=rois,
            columns=columns,
            permutations=permutations,
            block=block,
            progress=lambda done, total: progress(read + done, read + total),
        )

    def done(answer: tuple[Comparison, ComparisonMaps]) -> None:
        if session.recording.source is not source:
            session.work.tell("compare", "Another recording was chosen in the meantime: press Compare again.")
        elif session.dynamics.model is not model:
            session.work.tell("compare", "The model was replaced in the meantime: press Compare again.")
        else:
            session.answers.comparison = Compared(
                *answer,
                tuple(weakref.ref(it) for it in question.movies),
                question.a,
                question.b,
                question.words,
                weakref.ref(source) if source is not None else None,
                dict(
                    enumerate(model.latent_centres)
                    if rois is None
                    else zip(rois.ids, rois.centres, strict=True)
                ),
                weakref.ref(model),
                rois,
                block,
            )
            show_difference(session)

    return session.work.start("compare", COMPARING, compute, done)


def show_difference(session: Session) -> None:
    """Put the map of the differences over the movie."""
    compared, viewer, layer = session.answers.comparison, session.viewer, session.movie_layer
    if compared is None or viewer is None or layer is None or not compared.is_of(session.recording.movie):
        return
    difference = compared.maps.difference
    new = result_layer(viewer, DIFFERENCE) is None
    put_image(
        viewer,
        DIFFERENCE,
        difference,
        layer,
        unit=COUNTS,
        colormap=HEAT_OVERLAY,
        contrast_limits=contrast(difference),
    )
    if new:
        hide_result(viewer, EXPLAINED)  # two maps in the same colours could not be told apart


def write_compared(folder: Path, movies: Sequence[Movie], compared: Compared) -> None:
    """Write the files of a comparison, of the recordings that it is of, into an empty folder."""
    from napari_calcdyn.jobs.comparison_files import save_comparison

    about = {"compared": compared.words}
    answer = compared.comparison, compared.maps
    save_comparison(folder, movies, compared.a, compared.b, *answer, about, rois=compared.rois)


def export(session: Session, folder: Path) -> bool:
    """Write the answer into a folder in the background; returns whether it was started."""
    compared = session.answers.comparison
    if compared is None:
        session.work.tell("compare", "There is nothing to export yet: press Compare first.", True)
        return False
    movies = [it for reference in compared.movies if (it := reference()) is not None]
    if len(movies) < len(compared.movies):
        session.work.tell(
            "compare", "A recording of this result is no longer open: open it and compare again.", True
        )
        return False

    def compute(progress: ProgressCallback) -> None:
        from napari_calcdyn.jobs.result_folder import result_folder
        from napari_calcdyn.recording.writing import writing

        with result_folder(folder, "compare") as new, writing(folder):
            write_compared(new, movies, compared)

    def done(_: None) -> None:
        session.work.tell("compare", f"The result was written to {folder}.")

    return session.work.start("compare", "Exporting", compute, done)
