"""Colours of columns, and the polygons of lassos."""

from __future__ import annotations

import numpy as np
import pytest

from napari_calcdyn.gui.layers.movie_time import strongest_event
from napari_calcdyn.gui.neurons.picking import inside
from napari_calcdyn.gui.neurons.roi_colours import GREY, colour_by, palette, scale_colours
from napari_calcdyn.recording import Traces


@pytest.mark.parametrize(
    ("values", "names", "counts"),
    [
        (np.array([0, 2, 2, 10]), ["0", "2", "10"], [1, 2, 1]),
        (np.array([1.0, np.nan, 0.0, 1.0]), ["0", "1", "none"], [1, 2, 1]),
        (np.array([True, False, True]), ["no", "yes"], [1, 2]),
        (np.array(["b", "", "a", "b"]), ["a", "b", "none"], [1, 2, 1]),
        (np.array(["x", None, np.nan], object), ["x", "none"], [1, 2]),
        (np.full(3, np.nan), ["none"], [3]),
    ],
)
def test_few_values_are_categories(values: np.ndarray, names: list[str], counts: list[int]) -> None:
    colouring = colour_by(values)
    assert [name for name, _, _ in colouring.categories] == names
    assert [count for _, _, count in colouring.categories] == counts
    assert colouring.limits is None
    assert len(np.unique(colouring.colours, axis=0)) == len(names)
    for name, colour, count in colouring.categories:
        assert (np.abs(colouring.colours - colour).max(axis=1) < 1e-6).sum() == count
        assert (name == "none") == np.allclose(colour, GREY)


def test_many_values_are_a_scale_that_one_odd_neuron_does_not_use_up() -> None:
    values = np.append(np.linspace(-1, 1, 1000), [1e6, np.nan])
    colouring = colour_by(values)
    assert colouring.categories == ()
    low, high = colouring.limits or (0, 0)
    assert low == pytest.approx(-0.98, abs=0.01)
    assert high == pytest.approx(0.98, abs=0.02)
    scale = scale_colours(101)
    assert np.allclose(colouring.colours[500], scale[50], atol=0.02)
    assert np.allclose(colouring.colours[1000], scale[-1])
    assert np.allclose(colouring.colours[1001], GREY)
    assert np.allclose(colour_by(np.full(5, 0.5)).colours, scale[0])


def test_every_colour_shows_on_a_dark_canvas_and_differs_from_its_neighbours() -> None:
    for colours in (palette(21), scale_colours(50)):
        assert colours.max(axis=1).min() > 0.35
    assert len(np.unique(palette(21).round(3), axis=0)) == 21
    assert np.array_equal(palette(30)[:21], palette(21))


def test_a_lasso_may_be_any_polygon() -> None:
    outline = np.array([(0, 0), (0, 10), (10, 10), (5, 5), (10, 0)])  # a notch from below
    points = np.array([(1, 1), (4, 5), (8, 5), (8, 9), (-1, 5), (5, 11), (9.8, 9.9)])
    assert inside(points, outline).tolist() == [True, True, False, True, False, False, True]
    assert not inside(points, outline[:1]).any()


def test_the_strongest_event_is_that_of_most_neurons_and_takes_no_account_of_size() -> None:
    random = np.random.default_rng(0)
    values = random.normal(0, 0.02, (5, 200))
    values[:3, 70] += 1
    values[3, 150] += 50  # one neuron, and very bright
    values[3] += 1000
    values[0, 71:90] = np.nan
    values[4] = np.nan
    traces = Traces(values, np.array([4, 5, 6, 7, 8]))
    assert strongest_event(traces, np.array([4, 5, 6, 7, 8])) == 70
    assert strongest_event(traces, np.array([7])) == 150
    assert strongest_event(traces, np.array([8])) is None
    assert strongest_event(traces, np.array([99])) is None
