"""ROIs as weights on the pixels of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from napari_calcdyn.recording.errors import InputError, size_text

from .neuropil import nearest_free_pixels
from .polygons import fill_outlines
from .weights import equal_weights, normalised


@dataclass(frozen=True, eq=False)
class RoiSet:
    """Regions of interest: one row of pixel weights for each, so that ``footprints @ pixels`` are their means.

    Parameters
    ----------
    footprints : scipy.sparse array of shape (N, Y·X), float32
        Weights, not negative. Each row is divided by its sum.
    ids : ndarray of shape (N,), int64
        A number for each ROI that stays with it: its index in suite2p, its place in an ImageJ file counted from
        1, or its label.
    frame_shape : tuple of int
        Height and width (Y, X) of the frames that they belong to, in pixels.
    provenance : str
        Where they came from, in words.
    columns : mapping of str to ndarray of shape (N, ...)
        What else is known of each ROI, such as suite2p's ``iscell``.
    notes : tuple of str
        Sentences about what was left out of their file.

    Raises
    ------
    InputError
        If there are no ROIs, the parts do not match, or an ROI has no pixel.
    """

    footprints: Any
    ids: NDArray[np.int64]
    frame_shape: tuple[int, int]
    provenance: str = "ROIs"
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the parts and make the weights of each ROI sum to 1."""
        ids = np.asarray(self.ids, np.int64)
        if not len(ids):
            raise InputError(f"There are no ROIs in {self.provenance}: draw or load at least one.")
        if len(np.unique(ids)) < len(ids):
            raise InputError(f"Two ROIs of {self.provenance} have the same id: number them differently.")
        weights = normalised(self.footprints, ids, self.frame_shape, self.provenance)
        object.__setattr__(self, "footprints", weights)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "frame_shape", (int(self.frame_shape[0]), int(self.frame_shape[1])))

    @classmethod
    def from_labels(cls, labels: ArrayLike, *, name: str = "labels") -> RoiSet:
        """Take every label of an image as one ROI, all of its pixels weighing the same.

        Parameters
        ----------
        labels : array_like of shape (Y, X), int
            Label numbers, 0 where there is no ROI.
        name : str
            Where they came from, for messages.

        Returns
        -------
        RoiSet
            The labels are the ids, in ascending order.

        Raises
        ------
        InputError
            If there are no labels, or the array is no image of labels.
        """
        image = np.asarray(labels)
        if image.ndim != 2 or image.dtype.kind not in "bui" or image.min(initial=0) < 0:
            raise InputError(
                f"{name} ({size_text(image.shape)}, {image.dtype}) is no image of labels: give two axes, Y and X, of "
                "whole numbers from 0 on."
            )
        flat = image.ravel()
        pixels = np.flatnonzero(flat)
        ids, row = np.unique(flat[pixels], return_inverse=True)
        weights = sparse.csr_array((np.ones(len(pixels)), (row, pixels)), shape=(len(ids), flat.size))
        return cls(weights, ids.astype(np.int64), image.shape, name)

    @classmethod
    def from_polygons(
        cls,
        outlines: Sequence[ArrayLike],
        frame_shape: tuple[int, int],
        *,
        ids: ArrayLike | None = None,
        name: str = "polygons",
    ) -> RoiSet:
        """Take every polygon as one ROI: the pixels whose centres lie inside, all weighing the same.

        Parameters
        ----------
        outlines : sequence of array_like of shape (n, 2)
            Corners (y, x) in pixels; the centre of the first pixel is (0, 0), as in napari.
        frame_shape : tuple of int
            Height and width of the frames. What reaches out of them is cut off.
        ids : array_like of int, shape (N,), or None
            None counts from 1.
        name : str
            Where they came from, for messages.

        Returns
        -------
        RoiSet
            As many as there are polygons.

        Raises
        ------
        InputError
            If there are none, or one lies outside the image or between the pixels.
        """
        paths = [[np.asarray(outline, np.float64)] for outline in outlines]
        numbers = np.arange(1, len(paths) + 1) if ids is None else np.asarray(ids, np.int64)
        if numbers.shape != (len(paths),):
            raise InputError(f"{name} has {len(paths)} ROIs but {numbers.size} ids: give one id per ROI.")
        return filled_rois(paths, frame_shape, numbers, name)

    def __len__(self) -> int:
        """Return the number of ROIs."""
        return len(self.ids)

    def __repr__(self) -> str:
        """Provenance, number and frame size."""
        return f"RoiSet({self.provenance!r}, {len(self)} ROIs, {size_text(self.frame_shape)} pixels)"

    @property
    def cells(self) -> NDArray[np.bool_] | None:
        """Which ROIs the program that found them takes for cells, (N,); None if it does not say."""
        return self.columns.get("iscell", self.columns.get("accepted"))

    @cached_property
    def centres(self) -> NDArray[np.float32]:
        """Weighted mean position (y, x) of each ROI in pixels, (N, 2)."""
        positions = np.stack(np.unravel_index(np.arange(self.footprints.shape[1]), self.frame_shape), axis=1)
        centres: NDArray[np.float32] = (self.footprints.astype(np.float64) @ positions).astype(np.float32)
        return centres

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Image (Y, X) of the ROIs' positions counted from 1, 0 elsewhere; of several the heavier one shows."""
        weights = self.footprints.tocoo()
        order = np.argsort(weights.data, kind="stable")
        image = np.zeros(weights.shape[1], np.int32)
        image[weights.col[order]] = weights.row[order] + 1
        return image.reshape(self.frame_shape)

    def neuropil(self, inner: float = 2.0, pixels: int = 350) -> RoiSet:
        """Surround every ROI by the nearest pixels that belong to no ROI; defaults as in suite2p.

        Parameters
        ----------
        inner : float
            Gap left round the ROI, in pixels: its own light reaches that far.
        pixels : int
            Size of a ring; those at equal distance are taken together, so it may be a little larger, and
            smaller only where the image has no more.

        Returns
        -------
        RoiSet
            A ring for each ROI with its id, all pixels weighing the same.

        Raises
        ------
        InputError
            If ROIs fill the image, so that one finds no pixel.
        """
        occupied, of_each = self.labels > 0, np.split(self.footprints.indices, self.footprints.indptr[1:-1])
        rings = [nearest_free_pixels(roi, occupied, inner, pixels) for roi in of_each]
        for number, ring in zip(self.ids, rings, strict=True):
            if not len(ring):
                raise InputError(
                    f"ROI {number} of {self.provenance} has no neuropil, ROIs cover the whole image: extract the "
                    "traces without it."
                )
        return RoiSet(
            equal_weights(rings, self.frame_shape),
            self.ids,
            self.frame_shape,
            f"neuropil of {self.provenance}",
        )

    def select(self, which: ArrayLike) -> RoiSet:
        """Keep some of the ROIs, with their ids.

        Parameters
        ----------
        which : array_like of bool, shape (N,), or of int
            Which to keep, or their positions.

        Returns
        -------
        RoiSet
            Those, in the order given.

        Raises
        ------
        InputError
            If none is left.
        """
        index = np.asarray(which)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64)
        columns = {key: column[index] for key, column in self.columns.items()}
        return replace(self, footprints=self.footprints[index], ids=self.ids[index], columns=columns)

    def masked_share(self, valid_pixels: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return how much of each ROI's weight lies on masked pixels.

        Parameters
        ----------
        valid_pixels : ndarray of shape (Y, X), bool
            Pixels that can be used.

        Returns
        -------
        ndarray of shape (N,), float32
            From 0 to 1.
        """
        share: NDArray[np.float32] = self.footprints @ (~valid_pixels).ravel().astype(np.float32)
        return share

    def within(self, valid_pixels: NDArray[np.bool_]) -> RoiSet:
        """Leave out masked pixels.

        Parameters
        ----------
        valid_pixels : ndarray of shape (Y, X), bool
            Pixels that can be used.

        Returns
        -------
        RoiSet
            The same ROIs on their valid pixels, whose weights sum to 1. One without a valid pixel stays as it is: its
            trace is NaN.
        """
        if valid_pixels.all():
            return self
        seen = self.footprints.multiply(valid_pixels.ravel()).tocsr()
        lost = np.flatnonzero(np.asarray(seen.sum(axis=1)).ravel() <= 0)
        keep = np.ones(len(self), np.float32)
        keep[lost] = 0
        footprints = seen + sparse.diags_array(1 - keep) @ self.footprints
        return replace(self, footprints=footprints)

    def check_frame_shape(self, frame_shape: tuple[int, int]) -> None:
        """Refuse a movie of another frame size.

        Parameters
        ----------
        frame_shape : tuple of int
            Height and width of the movie's frames.

        Raises
        ------
        InputError
            If they are not those of the ROIs.
        """
        if tuple(frame_shape) != self.frame_shape:
            raise InputError(
                f"The ROIs of {self.provenance} belong to frames of {size_text(self.frame_shape)} pixels but the movie "
                f"has {size_text(frame_shape)}: choose the ROIs of this movie."
            )


def filled_rois(
    outlines: Sequence[Sequence[NDArray[np.float64]]],
    frame_shape: tuple[int, int],
    ids: NDArray[np.int64],
    name: str,
    columns: Mapping[str, NDArray[Any]] | None = None,
) -> RoiSet:
    """Return ROIs of several outlines each; see `RoiSet.from_polygons` and `fill_outlines`."""
    pixels, n_cut = fill_outlines(outlines, frame_shape, ids, name)
    weights = equal_weights(pixels, frame_shape)
    if n_cut:
        name = f"{name} ({n_cut} cut off at the image's edge)"
    return RoiSet(weights, ids, frame_shape, name, columns or {})
