"""``calcdyn batch``: many recordings, settings and jobs at once, on this computer or on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_calcdyn.models.avae import AVAEConfig
from napari_calcdyn.models.var_autoencoder import VARAutoencoderConfig
from napari_calcdyn.recording import InputError

from .settings import settings_or_model

if TYPE_CHECKING:
    from napari_calcdyn.jobs.batch.cluster import Where
    from napari_calcdyn.jobs.batch.config import BatchConfig
    from napari_calcdyn.jobs.batch.plan import Task

_USAGE: Any = typer.BadParameter.__base__  # any mistake in a command, whichever click typer stands on
_HERE = {"out", "resume", "movie", "sources", "folder", "help"}  # what a batch gives its jobs by itself
_SEVERAL = {"together", "label", "onto"}  # of several recordings, and each job of a batch has one


def batch(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Argument(metavar="CONFIG.toml", help="Recordings, jobs and settings; see the page on batches."),
    ] = None,
    movies: Annotated[
        list[str] | None,
        typer.Option(
            help="In place of a file: a recording, or a pattern such as 'day*/*.tif'; may be repeated."
        ),
    ] = None,
    jobs: Annotated[
        str, typer.Option(help="For --movies: check, run, neurons, influence; with commas.")
    ] = "check,run",
    rois: Annotated[
        str | None,
        typer.Option(
            help="For --movies: ROIs of each, such as '{folder}/{stem}.zip', or the word found: then cells are found."
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="For --movies: settings to start from.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for all results.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Jobs at the same time; as many as fit by default.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of each job; the cores are shared out by default.")
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(min=0.0, help="Memory that each job may take, in GB; it is shared out by default."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Use the workers of this running Dask scheduler."),
    ] = None,
    slurm: Annotated[
        str | None, typer.Option(metavar="PARTITION", help="Submit workers to this partition of SLURM.")
    ] = None,
    walltime: Annotated[
        str, typer.Option(metavar="HH:MM:SS", help="How long SLURM lets a worker live.")
    ] = "12:00:00",
    account: Annotated[str | None, typer.Option(help="Whom SLURM charges.")] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(help="A further option of sbatch, such as --gres=gpu:1; may be repeated."),
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Do everything again, whatever is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and for SLURM the script; do nothing.")
    ] = False,
) -> None:
    """Do jobs on many recordings, several at the same time; a second call does only what is left or has changed."""
    from napari_calcdyn.jobs.batch.cluster import Where

    if scheduler is not None and slurm is not None:
        raise InputError(
            "Jobs go either to a running scheduler or to SLURM: leave out --scheduler or --slurm."
        )
    chosen, base = _config(config, movies, jobs, rois, preset)
    if out is not None:
        chosen = chosen.model_copy(update={"out": str(out.absolute())})
    tasks = _tasks(chosen, base, context)
    where = Where(
        scheduler,
        slurm,
        workers,
        threads,
        memory,
        walltime,
        account,
        tuple(sbatch or ()),
        _may_use_card(tasks),
    )
    place = base / chosen.out
    if dry_run:
        _show(tasks, where, place, anew)
        return
    _run(tasks, where, place, anew)


def _config(
    file: Path | None, movies: list[str] | None, jobs: str, rois: str | None, preset: str | None
) -> tuple[BatchConfig, Path]:
    """Return what is to be done, from a file or from the options, and from where relative paths count."""
    from napari_calcdyn.jobs.batch.config import checked_config, read_config

    if (file is None) == (not movies):
        raise InputError("Give either a TOML file or --movies.")
    if file is not None:
        if rois is not None or preset is not None:
            raise InputError("--rois and --preset go with --movies: write them into the TOML file.")
        return read_config(file), file.absolute().parent
    given = {"rois": rois, "preset": preset}
    values: dict[str, Any] = {
        "movies": movies,
        "jobs": {job.strip(): {} for job in jobs.split(",")},
        "options": {name: text for name, text in given.items() if text is not None},
    }
    return checked_config(values, "The command"), Path.cwd()


def _tasks(config: BatchConfig, base: Path, context: typer.Context) -> list[Task]:
    """Return every job as the command it will be, checked before anything is done."""
    from napari_calcdyn.jobs.batch.config import JOBS
    from napari_calcdyn.jobs.batch.plan import plan

    group: Any = context.find_root().command
    commands: dict[str, Any] = {job: group.commands[job] for job in JOBS}
    offered = {job: frozenset(it.name for it in commands[job].params) - _HERE - _SEVERAL for job in JOBS}
    tasks = plan(config, base, offered)
    for arguments in dict.fromkeys((task.job, *task.arguments[1:]) for task in tasks):
        _check(commands[arguments[0]], arguments)
    return tasks


def _check(command: Any, arguments: tuple[str, ...]) -> None:
    """Let the command line read a job's options and the models' definitions their settings."""
    job, *rest = arguments
    out = [] if job == "export" else ["--out", "results"]
    try:
        found = command.make_context(f"calcdyn {job}", [*rest, *out]).params
    except _USAGE as error:
        raise InputError(
            f"calcdyn {job} cannot be called so: {error.format_message().rstrip('.')}."
        ) from error
    if "preset" in found:
        kind: Any = AVAEConfig if job == "neurons" else VARAutoencoderConfig
        settings_or_model(kind, found["preset"], found, found["model"])


def _may_use_card(tasks: list[Task]) -> bool:
    """Whether any job trains without being told to do so on the processor."""
    trains = [task.arguments for task in tasks if task.job in ("run", "neurons", "compare")]
    return any("--device" not in it or it[it.index("--device") + 1] != "cpu" for it in trains)


def _show(tasks: list[Task], where: Where, out: Path, anew: bool) -> None:
    import shlex

    from napari_calcdyn.jobs.batch.batch import states_before
    from napari_calcdyn.jobs.batch.cluster import slurm_cluster

    records = states_before(tasks, anew)
    for task in tasks:
        print(f"{records[task.folder].state:9}  calcdyn {shlex.join(task.arguments)}")
        print(f"{'':9}  in {task.folder}")
    if where.slurm is not None:
        with slurm_cluster(where, out) as cluster:
            print(cluster.job_script())


def _run(tasks: list[Task], where: Where, out: Path, anew: bool) -> None:
    from napari_calcdyn.jobs.batch.batch import run_batch
    from napari_calcdyn.jobs.batch.summary import PAGE, in_words

    try:
        records = run_batch(tasks, out, where, anew=anew, say=lambda text: print(text, flush=True))
    except KeyboardInterrupt:
        print(
            f"Interrupted; nothing is half-written, and the same command goes on. See {out / PAGE}.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    print(f"{in_words(records)}. Look at {out / PAGE} first.")
    if any(it.state not in ("done", "as before") for it in records.values()):
        raise typer.Exit(1)
