from __future__ import annotations

import time

import pytest
import torch
from local_designs import SPACING, centres

from napari_calcdyn.models.var.neighbours import Neighbourhoods
from napari_calcdyn.recording import InputError


@pytest.mark.parametrize("empty", [0, 11])
@pytest.mark.parametrize("radius", [0, 1, 2.3, 3, 50])
def test_lists_are_those_of_all_distances(radius: float, empty: int) -> None:
    at = centres(empty=empty)
    hood = Neighbourhoods.within(at, SPACING, radius)
    steps = torch.cdist(at.double(), at.double()) / SPACING
    for found, reach in ((hood.neighbours, radius), (hood.partners, 2 * radius)):
        expected = [(row <= reach + 1e-9).nonzero()[:, 0].tolist() for row in steps]
        assert found.dtype == torch.int64
        assert found.shape == (len(at), max(map(len, expected)))
        for row, wanted in zip(found.tolist(), expected, strict=True):
            assert row == wanted + [-1] * (len(row) - len(wanted))


@pytest.mark.parametrize("radius", [0, 1.5, 3])
def test_ways_between_the_lists(radius: float) -> None:
    hood = Neighbourhoods.within(centres(), SPACING, radius)
    for latent, (partners, back, place) in enumerate(zip(hood.partners, hood.back, hood.place, strict=True)):
        there = partners >= 0
        assert (back[~there] == -1).all()
        assert (hood.partners[partners[there], back[there].long()] == latent).all()
        near = place >= 0
        assert torch.equal(hood.neighbours[latent][place[near].long()], partners[near])
        assert near.sum() == (hood.neighbours[latent] >= 0).sum()


@pytest.mark.parametrize("radius", [0, 1.5, 3])
def test_pairs_say_where_the_pair_of_two_neighbours_is(radius: float) -> None:
    hood = Neighbourhoods.within(centres(), SPACING, radius)
    d, width = hood.neighbours.shape
    assert hood.pairs.shape == (d, width, width)
    first, second = hood.neighbours[:, :, None], hood.neighbours[:, None, :]
    there = (first >= 0) & (second >= 0)
    places = hood.pairs.long()
    assert torch.equal(places >= 0, there)
    row = places // hood.partners.shape[1]
    assert torch.equal(row[there], first.expand_as(row)[there])
    assert torch.equal(hood.partners.flatten()[places][there], second.expand_as(row)[there])


def test_a_step_between_rounded_centres_is_a_neighbour() -> None:
    at = torch.tensor([[0.1, 0.1], [0.1, 0.1 + 3 * 7.3]], dtype=torch.float32)
    assert Neighbourhoods.within(at, 7.3, 3).neighbours.tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize("radius", [-1.0, float("nan")])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    with pytest.raises(InputError, match="radius must be"):
        Neighbourhoods.within(centres(), SPACING, radius)


def test_thousands_of_latents_take_less_than_a_second() -> None:
    at = centres(64, 64, 0)
    start = time.process_time()
    hood = Neighbourhoods.within(at, SPACING, 3)
    assert time.process_time() - start < 1
    assert hood.neighbours.shape == (4096, 29)
    assert hood.partners.shape == (4096, 113)
