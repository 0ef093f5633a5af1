"""Job that trains or applies an AVAE and analyses every neuron, in a folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_calcdyn.analysis.neurons import analyse_neurons
from napari_calcdyn.analysis.neurons.tsne import check_enough_neurons
from napari_calcdyn.models.avae import AVAE, AVAEConfig
from napari_calcdyn.models.progress import Progress
from napari_calcdyn.models.training import drive
from napari_calcdyn.recording import RoiSet, Traces
from napari_calcdyn.recording.writing import writing

from .peak_memory import peak_rss_mb
from .provenance import provenance
from .result_folder import result_folder
from .saved.neurons import save_neurons
from .stages import in_stage


def run_neurons(
    traces: Traces,
    folder: str | Path,
    model: AVAEConfig | AVAE,
    *,
    device: str = "auto",
    seed: int = 0,
    on_progress: Callable[[Progress], None] | None = None,
    rois: RoiSet | None = None,
    command_line: str | None = None,
) -> dict[str, Any]:
    """Train an AVAE on traces or apply one, analyse the neurons, and write the results.

    Parameters
    ----------
    traces : Traces
        The recording.
    folder : str or Path
        Gets the files of ``jobs.result_folder.RESULTS["neurons"]``, all or none; and the cells, where they were found.
    model : AVAEConfig or AVAE
        Settings to train with, or a fitted model to apply as it is.
    device : str
        Where to train: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    seed : int
        Of weights, batches and the map.
    on_progress : callable, optional
        Called with every progress report; may raise to end the job.
    rois : RoiSet, optional
        ROIs of the traces, to be drawn in the colours of their clusters; those of `find_sources` are saved, too.
    command_line : str, optional
        What was typed, for the report; None in Python and in the window.

    Returns
    -------
    dict
        Content of ``metrics.json``. A model that is applied is measured on all traces of this recording.

    Raises
    ------
    InputError
        If fewer than 10 traces can be used, they do not fit the model, there is no such device, or the folder cannot
        be written or holds other files; this is checked before the training.
    """
    start = time.monotonic()
    tell = on_progress or (lambda progress: None)
    check_enough_neurons(int(traces.usable.sum()))
    with result_folder(folder, "neurons") as new:
        history: list[Progress] = []
        if isinstance(model, AVAE):
            fitted = model
        else:
            fitted, history = drive(AVAE(model).fit_steps(traces, device=device, seed=seed), tell)
        neurons = analyse_neurons(
            fitted,
            traces,
            seed=seed,
            progress=in_stage(tell, "Mapping the neurons"),
            denoising=in_stage(tell, "Denoising the traces"),
        )
        metrics = dict(fitted.metrics)
        if fitted is model:  # measured on this recording; the rest says how the model was made
            metrics |= fitted.measure(traces)
            metrics |= {
                "neurons": int(traces.usable.sum()),
                "samples": traces.samples,
                "device": fitted.device.type,
            }

        tell(Progress("Writing the results"))
        with writing(folder):
            metrics |= {
                "seconds": round(time.monotonic() - start, 3),
                "peak_rss_mb": peak_rss_mb(),
                **provenance(
                    [traces, *([] if rois is None else [rois])],
                    fitted.config,
                    seed=seed,
                    device=device,
                    command_line=command_line,
                ),
            }
            save_neurons(new, traces, neurons, fitted, rois, history, metrics)
    return metrics
