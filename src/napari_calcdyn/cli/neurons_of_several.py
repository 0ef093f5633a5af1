"""``calcdyn neurons`` with several inputs: their neurons on one map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_calcdyn.recording import InputError

from .options import typed
from .progress_bar import Show, progress_bar, say_done, tell_with

if TYPE_CHECKING:
    from napari_calcdyn.models.kinds import KindConfig
    from napari_calcdyn.recording import RoiSet, Traces

    Read = Callable[[Path, Show], tuple[Traces, RoiSet | None]]


def labels_of(options: Sequence[str], count: int) -> dict[str, list[str]]:
    """Return the labels in options such as ``dish=1,2,3``, with a value for each of `count` inputs."""
    labels: dict[str, list[str]] = {}
    for option in options:
        name, equals, text = option.partition("=")
        values = [value.strip() for value in text.split(",")]
        name = name.strip()
        if not name or not equals or "" in values:
            raise InputError(
                f"The label {option!r} cannot be used: write it as dish=1,2,3, a value for each input."
            )
        if name in labels:
            raise InputError(f"The label {name!r} is there twice: give it once.")
        if len(values) != count:
            raise InputError(
                f"The label {name!r} has {len(values)} values for {count} inputs: give one for each, in their order."
            )
        labels[name] = values
    return labels


def kind_settings(
    preset: str | None, settings: dict[str, Any], model: Path | None, onto: Path | None
) -> KindConfig | None:
    """Return the settings of the model of several recordings, None for those of an earlier map."""
    from napari_calcdyn.models.kinds import KindConfig

    if model is not None:
        raise InputError("--model is for one input: give the folder of an earlier map with --onto.")
    if onto is not None and (preset or settings):
        raise InputError(
            "The model of an earlier map keeps its settings: leave out either --onto or the settings."
        )
    foreign = ["preset"] if preset else [name for name in settings if name not in KindConfig.model_fields]
    if foreign:
        raise InputError(
            f"--{foreign[0].replace('_', '-')} is a setting of the AVAE, which describes one recording: leave it out."
        )
    return None if onto is not None else KindConfig.preset("standard", **settings)


def map_and_tell(
    read: Read,
    sources: Sequence[Path],
    out: Path,
    labels: dict[str, list[str]],
    model: KindConfig | None,
    onto: Path | None,
    seed: int,
) -> None:
    """Read the traces of all inputs, run the job on them with a progress bar, and print a summary."""
    with progress_bar() as show:
        recordings = [read(source, show)[0] for source in sources]
        from napari_calcdyn.analysis.neurons.shared_map import SharedMap
        from napari_calcdyn.jobs.recordings import run_recordings
        from napari_calcdyn.jobs.report.recordings import sentences

        taken = () if onto is None else SharedMap.read_csv(onto / "neurons.csv").names
        metrics = run_recordings(
            recordings,
            out,
            model,
            names=_names(sources, taken),
            labels=labels,
            onto=onto,
            seed=seed,
            on_progress=tell_with(show),
            command_line=typed(),
        )
    for traces in recordings:
        for warning in traces.provenance.get("warnings", ()):
            print(warning)
    print("\n".join(sentences(metrics)))
    say_done(metrics["seconds"], out)


def _names(sources: Sequence[Path], taken: Sequence[str]) -> list[str]:
    """Name each input by as much of the end of its path as tells it from the others and from those of the old map."""
    parts = [source.expanduser().resolve().parts for source in sources]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len({*names, *taken}) == len(names) + len(taken):
            return names
    return names
