"""Tested connections between ROIs.

The VAR between ROIs (`RoiVAR`), debiased, so that each connection has a standard error and can be tested.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_calcdyn.analysis.blocks import automatic_block_length
from napari_calcdyn.models.roi_var import fit_activity_var
from napari_calcdyn.models.sources import roi_activity
from napari_calcdyn.models.var import VAR
from napari_calcdyn.recording import InputError, Movie, ProgressCallback, RoiSet, report

from .apart import apart
from .debiased_var import DebiasedVAR, debiased
from .edge_test import SURROGATES, family_wise
from .files import EDGE, read_csv, write_csv, write_graphml


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence of every ROI on every other one.

    Attributes
    ----------
    ids : ndarray (N,), int64
        Ids of the ROIs.
    centres : ndarray (N, 2), float32
        Their centres, in pixels (y, x).
    effects : ndarray (p, N, N), float32
        [lag, target, source]: by how many of its standard deviations the target moves, so many frames after the
        source moved by one of its own. On the diagonal, an ROI's effect on itself.
    strength : ndarray (N, N), float32
        [target, source]: partial correlation with the source's past at all lags together, between −1 and 1, with the
        sign of what they add up to; 0 on the diagonal. Its square is the part of the target's unexplained variance that
        this past alone explains. Effects in standard deviations rank connections worse, as those of dim ROIs are large
        by chance, and so do single lags, as successive frames are alike and each adds little to the others.
    p_values : ndarray (N, N), float64, or None
        [target, source]: family-wise p-values, of all connections together; NaN on the diagonal, and between ROIs
        that share light (`apart`). None where nothing was tested.
    block_length : int or None
        Frames in a block of the surrogates that were tested against.
    """

    ids: NDArray[np.int64]
    centres: NDArray[np.float32]
    effects: NDArray[np.float32]
    strength: NDArray[np.float32]
    p_values: NDArray[np.float64] | None = None
    block_length: int | None = None

    @classmethod
    def load(cls, path: str | Path, rois: RoiSet, order: int) -> Influence:
        """Read the table that `write_csv` wrote of all connections.

        Parameters
        ----------
        path : str or Path
            The table.
        rois : RoiSet
            The ROIs that it is about.
        order : int
            Number of lags p.

        Returns
        -------
        Influence
            With the effect of each connection at the lag where it is largest, and 0 at the others and on the diagonal:
            the table has no more.
            Without p-values where the table has connections, but not one p-value.

        Raises
        ------
        InputError
            If the file cannot be read, or is about other ROIs or lags.
        """
        edges, ids = read_csv(Path(path)), rois.ids
        place = {number: at for at, number in enumerate(ids.tolist())}
        named = {*edges["source"].tolist(), *edges["target"].tolist()}
        if not (named <= place.keys() and set(edges["lag"].tolist()) <= set(range(1, order + 1))):
            raise InputError(f"{path} is about other ROIs or lags: run `calcdyn run` again.")
        source, target = (
            np.array([place[it] for it in edges[end].tolist()], np.int64) for end in ("source", "target")
        )
        effects = np.zeros((order, len(ids), len(ids)), np.float32)
        strength = np.zeros(effects.shape[1:], np.float32)
        effects[edges["lag"] - 1, target, source] = edges["effect"]
        strength[target, source] = edges["strength"]
        p_values = np.where(np.eye(len(ids), dtype=bool), np.nan, 1.0)
        p_values[target, source] = edges["p_value"]
        tested = not len(edges) or not np.isnan(edges["p_value"]).all()
        return cls(ids, rois.centres, effects, strength, p_values if tested else None)

    @property
    def lag(self) -> NDArray[np.int64]:
        """Lag of the largest effect, (N, N) as [target, source], in frames."""
        lag: NDArray[np.int64] = np.abs(self.effects).argmax(0) + 1
        return lag

    def edges(self, *, least: float = 0.0, alpha: float | None = None) -> NDArray[np.void]:
        """List connections, the strongest first.

        Parameters
        ----------
        least : float
            Leave out those whose strength is not above this.
        alpha : float, optional
            Leave out those whose family-wise p-value is above this; where not tested, none is left out.

        Returns
        -------
        structured ndarray
            `EDGE`: ``source``, ``target`` (ids), ``lag``, ``strength``, ``effect``, ``p_value`` (NaN where not
            tested).
        """
        strength, lag = self.strength, self.lag
        effect = np.take_along_axis(self.effects, lag[None] - 1, 0)[0]
        wanted = np.abs(strength) > least
        if alpha is not None and self.p_values is not None:
            wanted &= self.p_values <= alpha
        target, source = np.nonzero(wanted)
        found = np.empty(len(target), EDGE)
        found["source"], found["target"] = self.ids[source], self.ids[target]
        found["lag"], found["strength"] = lag[target, source], strength[target, source]
        found["effect"] = effect[target, source]
        found["p_value"] = np.nan if self.p_values is None else self.p_values[target, source]
        return found[np.argsort(-np.abs(found["strength"]), kind="stable")]

    def write_csv(self, path: str | Path, *, alpha: float | None = None) -> None:
        """Write the connections as a table with the columns of `files.EDGE`.

        Parameters
        ----------
        path : str or Path
            Replaced, in one step.
        alpha : float, optional
            Leave out connections whose family-wise p-value is above this.
        """
        write_csv(Path(path), self.edges(alpha=alpha))

    def write_graphml(self, path: str | Path, *, alpha: float | None = None) -> None:
        """Write ROIs and connections as GraphML, which networkx, Gephi, Cytoscape and igraph read.

        Parameters
        ----------
        path : str or Path
            Replaced, in one step.
        alpha : float, optional
            Leave out connections whose family-wise p-value is above this.
        """
        write_graphml(Path(path), self.ids, self.centres, self.edges(alpha=alpha))


def roi_influence(
    movie: Movie,
    rois: RoiSet,
    *,
    order: int = 1,
    progress: ProgressCallback | None = None,
) -> Influence:
    """Estimate the connections between ROIs without testing them.

    Parameters
    ----------
    movie : Movie
        The recording.
    rois : RoiSet
        Its ROIs.
    order : int
        Number of lags p at which ROIs may have an effect on others, at least 1.
    progress : callable or None
        Called with frames done and in all; returns True to stop.

    Returns
    -------
    Influence
        Without p-values.

    Raises
    ------
    InputError
        If the ROIs belong to frames of another size, or the recording is too short for the order.
    Cancelled
        If `progress` asked to stop.
    """
    activity = roi_activity(movie, rois, progress=progress)
    return _debiased(fit_activity_var(activity, order), activity, rois, order)[0]


def influence_test(
    movie: Movie,
    rois: RoiSet,
    *,
    order: int = 1,
    surrogates: int = SURROGATES,
    block: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Influence:
    """Estimate the connections between ROIs, and test each one against block-permuted surrogates.

    See `edge_test.family_wise` for the test.

    Parameters
    ----------
    movie : Movie
        The recording.
    rois : RoiSet
        Its ROIs.
    order : int
        Number of lags p at which ROIs may have an effect on others, at least 1.
    surrogates : int
        B, at least 19: fewer cannot reach p = 0.05.
    block : int or "auto"
        Frames in a block; automatic: from the autocorrelation time of the activities.
    seed : int
        Of the shuffles.
    progress : callable or None
        Called with surrogates done and in all; returns True to stop.

    Returns
    -------
    Influence
        With p-values.

    Raises
    ------
    InputError
        If there are too few surrogates or blocks, the ROIs belong to frames of another size, or the recording is too
        short for the order.
    Cancelled
        If `progress` asked to stop.
    """
    report(progress, 0, surrogates)
    activity = roi_activity(
        movie, rois, progress=lambda done, total: bool(progress and progress(0, surrogates))
    )
    var = fit_activity_var(activity, order)
    return influence_of(
        var, activity, rois, order, surrogates=surrogates, block=block, seed=seed, progress=progress
    )


def influence_of(
    var: VAR,
    activity: NDArray[np.float32],
    rois: RoiSet,
    order: int,
    *,
    surrogates: int = SURROGATES,
    block: int | Literal["auto"] = "auto",
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Influence:
    """Test each connection of a VAR between ROIs, as `influence_test` does once it has read the activities.

    Parameters
    ----------
    var : VAR
        From `fit_activity_var`.
    activity : ndarray (T, N), float32
        That it was fitted to.
    rois : RoiSet
        Whose activity it is.
    order, surrogates, block, seed, progress : object
        As for `influence_test`.

    Returns
    -------
    Influence
        With p-values.
    """
    found, fit = _debiased(var, activity, rois, order)
    length = automatic_block_length(activity, fit.order) if block == "auto" else block
    p_values = family_wise(
        fit,
        len(rois),
        block_length=length,
        apart=apart(rois, fit.residuals),
        surrogates=surrogates,
        seed=seed,
        progress=progress,
    )
    return replace(found, p_values=p_values, block_length=length)


def _debiased(
    var: VAR, activity: NDArray[np.float32], rois: RoiSet, order: int
) -> tuple[Influence, DebiasedVAR]:
    fit = debiased(var, activity.astype(np.float64), order)
    effects = fit.by_lag(fit.coefficients).astype(np.float32)
    strength = fit.strength.astype(np.float32)
    np.fill_diagonal(strength, 0)
    return Influence(rois.ids, rois.centres, effects, strength), fit
