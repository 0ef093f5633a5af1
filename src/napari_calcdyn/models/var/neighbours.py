"""Which latents may drive which: those around a target, up to a radius."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree
from torch import Tensor

from napari_calcdyn.recording import InputError

MOST_FULL = 256
"""Most latents for which a VAR has all of them as predictors of each; with more, only neighbours."""
RADIUS = 3
"""Radius of the neighbours of so many latents, in steps of the grid."""
_ROUNDING = 1e-6  # of the radius: a neighbour exactly at the radius is one
_LOOK_UPS = 2**20


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """For every target the latents around it, and where the second moments of two of them are stored.

    Latents can share a target if they are at most two radii apart. Their moments have a table with one row per latent
    and one column per partner, ``d·M`` numbers instead of ``d²``. `within` makes it.

    Parameters
    ----------
    neighbours : Tensor (d, K), int64
        Latents within the radius of each target, itself included, in ascending order; -1 after the last one.
    partners : Tensor (d, M), int64
        Latents within twice the radius of each latent, itself included, in ascending order; -1 after the last one.
    pairs : Tensor (d, K, K), int32
        For target j and its neighbours i and i', where their pair is in the flattened table (d·M):
        ``partners.flatten()[pairs[j, i, i']] = neighbours[j, i']``, in the row of latent ``neighbours[j, i]``.
        -1 where one of the two is missing.
    back : Tensor (d, M), int32
        The column of a latent in the row of each of its partners; -1 after the last one.
    place : Tensor (d, M), int32
        The column of each partner among the neighbours of a latent; -1 if it is none.
    radius : float
        Largest distance of a neighbour, in steps of the grid.
    """

    neighbours: Tensor
    partners: Tensor
    pairs: Tensor
    back: Tensor
    place: Tensor
    radius: float

    @classmethod
    def within(cls, centres: Tensor, spacing: float, radius: float) -> Neighbourhoods:
        """Find the neighbours of every latent.

        Parameters
        ----------
        centres : Tensor (d, 2)
            Centre of each latent, in pixels; in any order, on a grid with or without empty places.
        spacing : float
            Distance between adjacent places of the grid, in pixels.
        radius : float
            Largest distance of a neighbour, in steps of `spacing`; below 1, a latent has only itself.

        Returns
        -------
        Neighbourhoods
            On the device of the centres.

        Raises
        ------
        InputError
            If the radius is negative or not a number.
        """
        if not radius >= 0:
            raise InputError(f"The radius must be a number that is not negative; it is {radius}.")
        at = centres.detach().cpu().double().numpy() / spacing
        tree = cKDTree(at)
        neighbours, _ = _table(*_close(tree, radius), len(at))
        owners, others = _close(tree, 2 * radius)
        partners, stored = _table(owners, others, len(at))
        keys = owners * len(at) + others
        width = partners.shape[1]
        back, place = np.full((2, *partners.shape), -1, np.int32)
        back.flat[stored] = stored[np.searchsorted(keys, others * len(at) + owners)] % width
        target, column = np.nonzero(neighbours >= 0)
        at_partner = stored[np.searchsorted(keys, target * len(at) + neighbours[target, column])]
        place.flat[at_partner] = column

        def tensor(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(centres.device)

        pairs = _look_up(neighbours, keys, stored)
        return cls(tensor(neighbours), tensor(partners), tensor(pairs), tensor(back), tensor(place), radius)

    @classmethod
    def if_many(cls, centres: Tensor, spacing: float) -> Neighbourhoods | None:
        """Find the neighbours of more latents than a VAR takes as predictors of each.

        Parameters
        ----------
        centres : Tensor (d, 2)
            Centre of each latent, in pixels.
        spacing : float
            Distance between adjacent places of the grid, in pixels.

        Returns
        -------
        Neighbourhoods or None
            Within `RADIUS` steps; None for at most `MOST_FULL` latents.
        """
        return cls.within(centres, spacing, RADIUS) if len(centres) > MOST_FULL else None

    def connections(self, values: NDArray[Any]) -> list[csr_array]:
        """Write what targets have for their neighbours as sparse tables.

        Parameters
        ----------
        values : ndarray (p, d, K)
            Of each lag.

        Returns
        -------
        list of csr_array (d, d)
            [target, source] of each lag, zeros left out.
        """
        return sparse_tables(self.neighbours.cpu().numpy(), values)


def sparse_tables(sources: NDArray[np.int64], values: NDArray[Any]) -> list[csr_array]:
    """Write what latents have for some others as sparse tables.

    Parameters
    ----------
    sources : ndarray (d, K), int64
        The others of each latent; -1 after the last one.
    values : ndarray (p, d, K)
        Of each lag.

    Returns
    -------
    list of csr_array (d, d)
        [latent, other] of each lag, zeros left out.
    """
    tables = []
    for lag in values:
        target, place = np.nonzero((lag != 0) & (sources >= 0))
        entries = lag[target, place], (target, sources[target, place])
        tables.append(csr_array(entries, shape=(len(sources), len(sources))))
    return tables


def _close(tree: cKDTree, reach: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every ordered pair of points within reach of each other, both ways and with itself, sorted."""
    some = tree.query_pairs(reach * (1 + _ROUNDING), output_type="ndarray").astype(np.int64)
    own = np.arange(tree.n)
    owners, others = np.concatenate((some, some[:, ::-1], np.stack((own, own), 1))).T
    order = np.lexsort((others, owners))
    return owners[order], others[order]


def _table(
    owners: NDArray[np.int64], others: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Write sorted pairs as one row per owner, -1 after the last one; and say where each pair is in the flat table."""
    sizes = np.bincount(owners, minlength=count)
    width = sizes.max(initial=1)
    column = np.arange(len(owners)) - (np.cumsum(sizes) - sizes)[owners]
    table = np.full((count, width), -1, np.int64)
    table[owners, column] = others
    return table, owners * width + column


def _look_up(
    neighbours: NDArray[np.int64], keys: NDArray[np.int64], stored: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Find the pairs of each target's neighbours among the sorted keys ``owner·d + other``, (d, K, K)."""
    count, width = neighbours.shape
    found = np.empty((count, width, width), np.int32)
    targets = max(1, _LOOK_UPS // width**2)
    for start in range(0, count, targets):
        part = neighbours[start : start + targets]
        wanted = part[:, :, None] * count + part[:, None, :]
        missing = (part < 0)[:, :, None] | (part < 0)[:, None, :]
        wanted[missing] = 0
        found[start : start + targets] = np.where(missing, -1, stored[np.searchsorted(keys, wanted)])
    return found
