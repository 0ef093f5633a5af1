"""Scripts that repeat an analysis of neurons, and what goes with the behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_calcdyn.recording.traces.baseline import Baseline

from .pieces import (
    FOUND,
    Model,
    Name,
    Script,
    Source,
    call,
    command_of,
    imported,
    opened_rois,
    python_of,
    text_of,
)


@dataclass(frozen=True)
class TracesFrom:
    """Where traces come from, and what was made of them.

    Attributes
    ----------
    movie : Source or None
        The recording that they were extracted from; None where they were opened.
    file : Path or None
        The file that they were opened from.
    rois : Path, str or None
        ROIs of the recording, or `FOUND`.
    neuropil : float or None
        Share of the neuropil that was subtracted.
    baseline : Baseline or None
        Of ΔF/F; None where there is none.
    options : dict
        Arguments of `open_traces`.
    only_cells : bool
        Whether ROIs were left out that are no cells.
    """

    movie: Source | None = None
    file: Path | None = None
    rois: Path | str | None = None
    neuropil: float | None = None
    baseline: Baseline | None = None
    options: dict[str, Any] = field(default_factory=dict)
    only_cells: bool = False

    @property
    def python(self) -> list[str]:
        """Lines that make ``traces``, and ``rois`` where there are some."""
        how = {"neuropil": self.neuropil}
        if self.movie is None:
            lines = [f"traces = {call('cd.open_traces', self.file, **how, **self.options)}"]
        else:
            lines = [
                f"movie = cd.correct_movie({self.movie.opened}, {self.movie.correct or 'auto'!r})",
                "rois = cd.find_sources(movie).rois"
                if self.rois == FOUND
                else f"rois = {opened_rois(self.rois or FOUND)}",
                f"traces = {call('cd.extract_traces', Name('movie'), Name('rois'), **how)}",
            ]
        if self.only_cells:
            if self.movie is None:
                lines.append(f"rois = {call('cd.open_rois', self.file)}")
            lines.append("traces, rois = traces.select(rois.cells), rois.select(rois.cells)")
        if self.baseline is not None:
            lines.insert(0, "from napari_calcdyn.recording.traces.baseline import Baseline")
            baseline = call("Baseline", **self.baseline.model_dump())
            lines.append(f"traces = cd.delta_f_over_f(traces, {baseline})")
        return lines

    @property
    def command(self) -> dict[str, Any]:
        """Options of ``calcdyn neurons``."""
        options: dict[str, Any] = {"neuropil": None if self.neuropil == 0.7 else self.neuropil or 0}
        if self.movie is not None:
            options |= {"rois": self.rois, "correct": self.movie.correct, **self.movie.options}
        if self.baseline is not None:
            options |= {f"baseline-{name}": value for name, value in self.baseline.model_dump().items()}
        return {**options, **self.options, "only-cells": self.only_cells or None}


def neurons_script(traces: TracesFrom, model: Model, device: str) -> Script:
    """Repeat the training on traces, and the map of the neurons.

    Parameters
    ----------
    traces : TracesFrom
        The traces.
    model : Model
        The model.
    device : str
        Where it is trained.

    Returns
    -------
    Script
        ``calcdyn neurons``; without a command for recordings opened as one, each of which it would take by itself.
    """
    paths = traces.movie.paths if traces.movie is not None else [Path(it) for it in (traces.file,) if it]
    options = {
        "out": "neurons",
        **model.options,
        "device": None if device == "auto" else device,
        **traces.command,
    }
    known = traces.movie is not None or traces.only_cells
    named: dict[str, Any] = {"rois": Name("rois")} if known else {}
    lines = [
        *imported(model, "AVAEConfig", "napari_calcdyn.models.avae"),
        "from napari_calcdyn.jobs import run_neurons",
        "",
        *traces.python,
        f"model = {model.python('AVAE')}",
        call(
            "run_neurons",
            Name("traces"),
            "neurons",
            Name("model"),
            **named,
            **({} if device == "auto" else {"device": device}),
        ),
    ]
    joined = traces.movie is not None and traces.movie.joined
    return Script("" if joined else command_of("neurons", paths, options), python_of(lines))


def behaviour_script(movie: Source, table: Path, of: TracesFrom | Model) -> Script:
    """Repeat the correlation of the behaviour with traces, or with the latents of a model.

    Parameters
    ----------
    movie : Source
        The recording.
    table : Path
        Of the behaviour.
    of : TracesFrom or Model
        What it is correlated with.

    Returns
    -------
    Script
        Without a command, as there is none.
    """
    lines = [
        "from napari_calcdyn.analysis.behaviour.correlation import numeric_columns",
        "",
        f"movie = cd.correct_movie({movie.opened}, {movie.correct or 'auto'!r})",
        f"behaviour = cd.open_behaviour({text_of(table)}, movie.n_frames, frame_rate=movie.frame_rate)",
    ]
    if isinstance(of, Model):
        trained = of.python("VARAutoencoder")
        lines += [
            *imported(of, "VARAutoencoderConfig", "napari_calcdyn.models.var_autoencoder"),
            f"model = {trained if of.folder is not None else f'cd.VARAutoencoder({trained}).fit(movie)'}",
            "series = model.encode(movie)",
            "ids = range(series.shape[1])",
        ]
    else:
        lines += [*(it for it in of.python if not it.startswith("movie = "))]
        lines += ["series, ids = np.where(traces.usable[:, None], traces.values, np.nan).T, traces.ids"]
    lines += [
        "import numpy as np",
        "found = cd.correlate_behaviour(numeric_columns(behaviour), series, np.asarray(ids))",
        'found.write_csv("correlations.csv")',
    ]
    return Script("", python_of(lines))
