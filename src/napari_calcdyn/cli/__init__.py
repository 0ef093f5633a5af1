"""The command line ``calcdyn``, with one file for each command.

All files are imported at each start, so functions import large libraries (torch, numba, napari) themselves.
"""

from __future__ import annotations

import signal
import sys

import typer

from napari_calcdyn.recording import InputError

from . import batch, benchmark, check, compare, demo, export, gui, influence, neurons, run, simulate

app = typer.Typer(
    help="Find out where the activity in a two-photon recording follows rules, which cell drives which, and which"
    " neurons behave alike.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("neurons")(neurons.neurons)
app.command("influence")(influence.influence)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("batch")(batch.batch)
app.command("demo")(demo.demo)
app.command("gui")(gui.gui)
app.add_typer(simulate.app, name="simulate")
app.add_typer(benchmark.app, name="benchmark")


def main() -> None:
    """Run the command line; input that cannot be used ends it with one sentence and exit code 2."""
    # A cluster's scheduler ends a job with SIGTERM; unfinished files are removed then too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
