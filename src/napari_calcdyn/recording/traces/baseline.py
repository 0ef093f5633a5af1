"""ΔF/F and the baselines to choose from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.recording.errors import InputError
from napari_calcdyn.recording.progress import ProgressCallback, report
from napari_calcdyn.recording.settings import Described, setting

from .traces import PARTS, Traces


class Baseline(Described):
    """Settings of the baseline F0; frozen, checked when made."""

    method: Literal["maximin", "running percentile", "percentile"] = setting("ΔF/F", "Baseline", "maximin")
    """maximin: the smoothed trace's smallest value in a window, then the largest of these, as in suite2p. running
    percentile: a low percentile in a window. percentile: one number for the whole trace."""
    percentile: float = setting("ΔF/F", "Percentile", 8.0, gt=0, lt=100, unit="%")
    """Part of the samples that lie below the baseline, for the two percentiles."""
    window_s: float = setting("ΔF/F", "Window", 60.0, gt=0, le=36_000, unit="s")
    """Length of the running window: long enough that a neuron rests in it, short enough to follow bleaching."""
    smoothing_s: float = setting("ΔF/F", "Smoothing", 1.0, ge=0, le=3600, unit="s")
    """Standard deviation of the Gaussian that takes out noise before the maximin."""
    floor: float = setting("ΔF/F", "Least baseline", 0.05, gt=0, le=1)
    """Part of a trace's range below which its baseline is not let fall, so that ΔF/F stays below one over this
    part."""


def delta_f_over_f(
    traces: Traces, baseline: Baseline | None = None, *, progress: ProgressCallback | None = None
) -> Traces:
    r"""Divide what exceeds the baseline by the baseline, $(F - F_0) / F_0$.

    Where $F_0$ is below `floor` times the range of the trace (largest minus smallest value), or negative,
    as it can be without neuropil, it is raised to that in the denominator; a sentence in
    ``provenance["warnings"]`` and the ids in ``provenance["raised_baselines"]`` say so.

    Of several recordings that were joined, each has a baseline of its own (``provenance["parts"]``).

    Missing samples are bridged by straight lines to find the baseline, and stay missing.

    Parameters
    ----------
    traces : Traces
        Fluorescence.
    baseline : Baseline or None
        None for the standard one.
    progress : callable or None
        Called with traces done and traces in all; returns True to stop.

    Returns
    -------
    Traces
        Of the unit "ΔF/F", with the baseline and its parameters in ``provenance["baseline"]``.

    Raises
    ------
    InputError
        If the traces are ΔF/F already, or the baseline runs in seconds and there is no frame rate.
    Cancelled
        If `progress` asked to stop.
    """
    baseline = baseline or Baseline()
    if traces.unit == "ΔF/F":
        raise InputError(f"{traces.name} is ΔF/F already: start from the fluorescence.")
    if traces.frame_rate is None and baseline.method != "percentile":
        raise InputError(
            f"The baseline “{baseline.method}” has a window in seconds, but {traces.name} has no frame rate: give the "
            "frame rate, or choose “percentile”."
        )
    values = np.full(traces.values.shape, np.nan, np.float32)
    raised = []
    parts = [slice(*it) for it in traces.provenance.get(PARTS, [(0, len(traces.values[0]))])]
    for row, (trace, valid) in enumerate(zip(traces.values, traces.mask, strict=True)):
        report(progress, row, len(traces))
        if not valid.any():
            continue
        whole, f0 = np.zeros(len(trace)), np.zeros(len(trace))
        for part in (it for it in parts if valid[it].any()):
            whole[part] = _bridged(trace[part], valid[part])
            f0[part] = find_baseline(whole[part], baseline, traces.frame_rate)
        least = baseline.floor * np.ptp(whole[valid])
        if least > 0 and (f0[valid] < least).any():
            raised.append(int(traces.ids[row]))
        denominator = np.maximum(f0, least)
        ratio = np.divide(whole - f0, denominator, out=np.zeros_like(whole), where=denominator > 0)
        values[row, valid] = ratio[valid]
    report(progress, len(traces), len(traces))
    provenance: dict[str, Any] = {**traces.provenance, "baseline": baseline.model_dump()}
    if raised:
        provenance["raised_baselines"] = raised
        provenance["warnings"] = [
            *traces.provenance.get("warnings", ()),
            f"The baseline of {len(raised)} of {len(traces)} traces falls below {baseline.floor:.0%} of the trace's "
            "range and was raised to that: their ΔF/F has the right shape but no absolute meaning; use fluorescence, "
            "or extract without subtracting neuropil.",
        ]
    return replace(traces, values=values, unit="ΔF/F", provenance=provenance)


def find_baseline(
    trace: NDArray[np.float64], baseline: Baseline, frame_rate: float | None
) -> NDArray[np.float64]:
    """Find F0 of one trace.

    Parameters
    ----------
    trace : ndarray of shape (T,), float64
        Without missing samples.
    baseline : Baseline
        The method and its parameters.
    frame_rate : float or None
        Samples per second (Hz); only "percentile" does without.

    Returns
    -------
    ndarray of shape (T,), float64
        F0 of every sample.
    """
    from scipy import ndimage  # slow to load, and rarely needed

    if baseline.method == "percentile" or frame_rate is None:
        return np.full_like(trace, np.percentile(trace, baseline.percentile))
    # At its ends the trace is mirrored; a window twice as long as the trace sees all of it from everywhere.
    window = int(np.clip(baseline.window_s * frame_rate, 1, 2 * len(trace) - 1))
    found: NDArray[np.float64]
    if baseline.method == "running percentile":
        found = ndimage.percentile_filter(trace, baseline.percentile, size=window)
        return found
    smooth = ndimage.gaussian_filter(trace, baseline.smoothing_s * frame_rate)
    found = ndimage.maximum_filter1d(ndimage.minimum_filter1d(smooth, window), window)
    return found


def _bridged(trace: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a trace in double precision, with lines across missing samples."""
    sample = np.arange(len(trace))
    return np.interp(sample, sample[valid], trace[valid].astype(np.float64))
