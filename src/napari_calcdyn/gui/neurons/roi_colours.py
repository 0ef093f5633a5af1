"""Colours of neurons by the values of a column, told apart by colour-blind readers on dark and on light ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.utils.colormaps import ensure_colormap
from numpy.typing import ArrayLike, NDArray

GREY = (0.55, 0.55, 0.55)
"""Of a neuron without a value, or in no cluster."""

NO_VALUE = "none"
CONTINUOUS = "viridis"
MOST_CATEGORIES = 24
_DARKEST = 0.12  # where on viridis the scale begins: what is below cannot be seen on a dark canvas
_PERCENTILES = (1, 99)  # of the values, that a single odd neuron does not use up the scale

# Okabe and Ito's palette without black; its dark blue lightened, to show on a dark canvas.
_PALETTE = np.array(
    [
        (0.90, 0.62, 0.00),
        (0.34, 0.71, 0.91),
        (0.00, 0.70, 0.50),
        (0.94, 0.89, 0.26),
        (0.22, 0.50, 0.86),
        (0.84, 0.37, 0.00),
        (0.80, 0.47, 0.65),
    ]
)


@dataclass(frozen=True, eq=False)
class Colouring:
    """A colour for every neuron, and what the colours mean.

    Parameters
    ----------
    colours : ndarray (N, 3), float32
        Red, green and blue from 0 to 1.
    categories : tuple of (str, tuple of float, int)
        Name, colour and number of neurons of each category; empty for a continuous column.
    limits : tuple of float, optional
        Values at both ends of the colour scale of a continuous column.
    """

    colours: NDArray[np.float32]
    categories: tuple[tuple[str, tuple[float, ...], int], ...] = ()
    limits: tuple[float, float] | None = None


def palette(count: int) -> NDArray[np.float64]:
    """Return so many colours, (count, 3): the palette, then its tints and shades; then again from the start."""
    tints = np.concatenate([_PALETTE, 0.5 + 0.5 * _PALETTE, 0.6 * _PALETTE])
    return tints[np.arange(count) % len(tints)]


def own_colours(count: int) -> Colouring:
    """Return a colour for each neuron by itself, for ROIs of which nothing else is known."""
    return Colouring(palette(count).astype(np.float32))


def colour_by(values: ArrayLike) -> Colouring:
    """Colour neurons by a column.

    Parameters
    ----------
    values : array_like of shape (N,)
        Texts, truth values, or numbers: few different whole numbers are categories, all else is continuous.
        Empty texts and NaN are no value.

    Returns
    -------
    Colouring
        Grey where there is no value.
    """
    column = np.asarray(values)
    if column.dtype.kind not in "biuf":
        return _categorical(np.array([_text(value) for value in column]))
    if column.dtype.kind == "b":
        return _categorical(np.where(column, "yes", "no"))
    numbers = column.astype(np.float64)
    valid = np.isfinite(numbers)
    different = np.unique(numbers[valid])
    if len(different) <= MOST_CATEGORIES and (different == np.rint(different)).all():
        return _categorical(np.array([f"{it:.0f}" if np.isfinite(it) else "" for it in numbers]))
    return _continuous(numbers, valid)


def scale_colours(steps: int) -> NDArray[np.float32]:
    """Return the colours of the continuous scale from low to high, (steps, 3)."""
    return _on_scale(np.linspace(0, 1, steps))


def _categorical(names: NDArray[Any]) -> Colouring:
    found, at = np.unique(names, return_inverse=True)
    shown = [str(name) for name in found if name]
    shown.sort(key=_in_order)
    hues = dict(zip(shown, palette(len(shown)), strict=True)) | {"": np.array(GREY)}
    counts = dict(zip(found.tolist(), np.bincount(at, minlength=len(found)).tolist(), strict=True))
    order = [*shown, *([""] if "" in counts else [])]
    return Colouring(
        np.array([hues[str(name)] for name in found], np.float32).reshape(-1, 3)[at],
        tuple((name or NO_VALUE, tuple(hues[name]), counts[name]) for name in order),
    )


def _continuous(numbers: NDArray[np.float64], valid: NDArray[np.bool_]) -> Colouring:
    low, high = (float(it) for it in np.percentile(numbers[valid], _PERCENTILES))
    span = (high - low) or 1.0
    place = np.clip((np.where(valid, numbers, low) - low) / span, 0, 1)
    colours = _on_scale(place)
    colours[~valid] = GREY
    return Colouring(colours, limits=(low, high))


def _on_scale(place: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the colours of places from 0 to 1 on the scale, (n, 3)."""
    mapped = ensure_colormap(CONTINUOUS).map(_DARKEST + (1 - _DARKEST) * place)[:, :3]
    colours: NDArray[np.float32] = mapped.astype(np.float32)
    return colours


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()


def _in_order(name: str) -> tuple[int, float, str]:
    """Sort numbers as numbers, before texts."""
    number = name.lstrip("-").isdigit()
    return (0, float(name), "") if number else (1, 0.0, name)
