"""Neurons as AnnData, for scanpy and its relatives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_calcdyn.recording import InputError
from napari_calcdyn.recording.writing import replacing, writing

from .images import refuse_to_replace
from .results import Results


def write_anndata(file: Path, results: Results) -> None:
    """Write neurons as AnnData: traces in ``X``, latents and map in ``obsm``, clusters in ``obs``.

    Parameters
    ----------
    file : Path
        Made; its name ends in ``.h5ad``.
    results : Results
        Of ``calcdyn neurons``.

    Raises
    ------
    InputError
        If anndata is not installed, the file is there already, the results are of another command, or it cannot be
        written.
    """
    refuse_to_replace(file)
    if results.traces is None or results.command != "neurons":
        raise InputError(f"{results.folder} holds no neurons: choose the folder of calcdyn neurons.")
    try:
        import anndata
        import pandas
    except ImportError as error:
        raise InputError('Writing AnnData needs anndata: pip install "napari-calcdyn[formats]".') from error
    columns = results.neurons
    latents, places = ([it for it in columns if it.startswith(start)] for start in ("mu_", "tsne_"))
    ids = columns["roi_id"].astype(np.int64)
    names = pandas.Index(ids.astype(str), dtype=object)  # older readers know no other texts
    about = pandas.DataFrame({"roi_id": ids, "cluster": columns["cluster"].astype(np.int64)}, index=names)
    about["cluster"] = about["cluster"].astype("category")
    frames = np.arange(results.traces.shape[1])
    time = {"time_s": frames / results.frame_rate} if results.frame_rate else {}
    found = anndata.AnnData(
        X=results.traces,
        obs=about,
        var=pandas.DataFrame(time, index=pandas.Index(frames.astype(str), dtype=object)),
        layers={
            name: values
            for name in ("denoised", "denoised_sd", "redrawn")
            if (values := getattr(results, name)) is not None
        },
        obsm={
            "X_latents": np.column_stack([columns[it] for it in latents]),
            "X_tsne": np.column_stack([columns[it] for it in places]),
        },
        uns={"napari-calcdyn": results.json(), "unit": results.unit},
    )
    if results.rois is not None:
        found.obsm["spatial"] = results.rois.centres[:, ::-1].astype(np.float64)
    with writing(file.parent), replacing(file) as beside:
        found.write_h5ad(beside)
