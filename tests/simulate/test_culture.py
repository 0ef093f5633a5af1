from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scalar_culture import scalar_spikes
from scipy.spatial.distance import cdist, pdist

from napari_calcdyn.recording import Cancelled, InputError
from napari_calcdyn.simulate.culture import KINDS, grow_culture
from napari_calcdyn.simulate.growth import (
    DENDRITE,
    SEGMENT,
    SOMA,
    find_contacts,
    grow_axons,
    place_neurons,
)
from napari_calcdyn.simulate.spiking import Spikes, advance, simulate_spikes, starting_state


@pytest.fixture(scope="module")
def usual():
    return grow_culture(seed=1)


def test_neurons_fill_a_disc_at_the_density_of_a_culture_without_overlap():
    positions, radius = place_neurons(700, np.random.default_rng(0))
    assert 700 / (np.pi * radius**2) == pytest.approx(250)
    assert np.hypot(*positions.T).max() <= radius
    assert pdist(positions).min() >= SOMA
    # Uniform: as many within half the area as outside.
    assert (np.hypot(*positions.T) < radius / np.sqrt(2)).mean() == pytest.approx(0.5, abs=0.06)


def test_axons_have_rayleigh_lengths_wander_and_stay_on_the_disc():
    positions, radius = place_neurons(2000, np.random.default_rng(0))
    points, owner = grow_axons(positions, radius, 0.1, np.random.default_rng(1))
    lengths = np.bincount(owner, minlength=2000) * SEGMENT
    assert lengths.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.05)
    assert lengths.std() == pytest.approx(0.1 * np.sqrt(2 - np.pi / 2), rel=0.08)
    assert np.hypot(*points.T).max() <= radius * (1 + 1e-12)
    inner = np.flatnonzero((np.hypot(*positions.T) < radius / 2) & (lengths > 0.05))
    turns = []
    for neuron in inner[:200]:
        steps = np.diff(np.concatenate([positions[[neuron]], points[owner == neuron]]), axis=0)
        np.testing.assert_allclose(np.hypot(*steps.T), SEGMENT)
        turns.append(np.angle(np.exp(1j * np.diff(np.arctan2(steps[:, 1], steps[:, 0])))))
    assert np.concatenate(turns).std() == pytest.approx(0.1, rel=0.05)


def test_an_axon_touches_exactly_the_dendrites_that_it_passes_through():
    positions, radius = place_neurons(60, np.random.default_rng(2))
    points, owner = grow_axons(positions, radius, 0.1, np.random.default_rng(3))
    contacts = find_contacts(positions, points, owner, np.random.default_rng(4)).toarray()
    reach = np.random.default_rng(4).normal(*DENDRITE, 60)
    inside = cdist(points, positions) <= reach
    expected = np.array([inside[owner == neuron].any(axis=0) for neuron in range(60)])
    np.fill_diagonal(expected, False)
    np.testing.assert_array_equal(contacts, expected)


def test_weights_have_the_sign_of_the_neuron_that_sends(usual):
    assert usual.excitatory.sum() == 560
    dense = usual.weights.toarray()
    assert (dense[usual.excitatory] >= 0).all()
    assert (dense[~usual.excitatory] <= 0).all()
    assert not dense.diagonal().any()
    sent = usual.weights.tocoo()
    for sign, mean in ((True, 6.0), (False, -12.0)):
        weights = sent.data[usual.excitatory[sent.row] == sign]
        assert weights.mean() == pytest.approx(mean, rel=0.02)
        assert weights.std() == pytest.approx(abs(mean) * 0.1, rel=0.1)


def test_half_of_the_contacts_become_synapses():
    rng = np.random.default_rng(1)
    positions, radius = place_neurons(700, rng)
    contacts = find_contacts(positions, *grow_axons(positions, radius, 0.1, rng), rng)
    assert grow_culture(seed=1).weights.nnz / contacts.nnz == pytest.approx(0.5, abs=0.02)


def test_diseased_cultures_have_fewer_synapses_or_more_inhibitory_neurons(usual):
    sparse = grow_culture(contact_kept=0.25, seed=1)
    assert sparse.weights.nnz == pytest.approx(usual.weights.nnz / 2, rel=0.05)
    inhibited = grow_culture(excitatory_share=0.6, seed=1)
    assert inhibited.excitatory.sum() == 420
    np.testing.assert_array_equal(inhibited.positions, usual.positions)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_vary_by_five_per_cent_around_those_of_the_type(kind):
    culture = grow_culture(400, kind, seed=3)
    for values, preset in zip((culture.a, culture.b, culture.v0, culture.du), KINDS[kind], strict=True):
        assert values.mean() == pytest.approx(preset, rel=0.02)
        assert values.std() / abs(preset) == pytest.approx(0.05, rel=0.15)


def test_longer_axons_reach_more_neurons(usual):
    assert grow_culture(seed=1, axon_length=0.5).weights.nnz > 2 * usual.weights.nnz


@pytest.mark.parametrize("kind", KINDS)
def test_spikes_are_those_of_the_equations_in_plain_scalars(kind):
    culture = grow_culture(80, kind, axon_length=0.3, seed=4)
    noise = 2.5 * np.random.default_rng(5).standard_normal((1500, 80))
    expected = scalar_spikes(culture, starting_state(culture, np.random.default_rng(6)), noise)
    state = starting_state(culture, np.random.default_rng(6))
    steps, neurons = advance(culture, state, noise)
    assert list(zip(steps.tolist(), neurons.tolist(), strict=True)) == expected
    # Enough happens for every part of the equations to matter.
    assert len(expected) > 500
    assert state.resource.min() < 0.1
    silent = replace(culture, weights=culture.weights * 0)
    alone = advance(silent, starting_state(culture, np.random.default_rng(6)), noise)
    assert len(set(expected) - set(zip(*map(np.ndarray.tolist, alone), strict=True))) > 200
    # In pieces it is the same.
    state = starting_state(culture, np.random.default_rng(6))
    pieces = [advance(culture, state, part)[1] for part in np.array_split(noise, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), neurons)


def test_a_network_of_every_type_bursts_and_is_neither_silent_nor_saturated():
    rates = {}
    for kind in KINDS:
        found = [simulate_spikes(grow_culture(kind=kind, seed=seed), 16, seed=seed) for seed in (0, 1)]
        rates[kind] = [spikes.rates.mean() for spikes in found]
        for spikes in found:
            active = (spikes.counts(0.1) > 0).mean(axis=0)
            assert active.max() > 0.3  # network bursts
            assert np.median(active) < 0.05  # and quiet between them
            assert 0.3 < spikes.synchrony() < 0.7
            assert (spikes.rates > 0).mean() > 0.9
            assert spikes.rates.max() < 20
        assert max(rates[kind]) / min(rates[kind]) < 1.25
    assert max(rates["RS"]) < min(rates["IB"])
    assert max(rates["IB"]) < min(rates["CH"])


def test_a_simulation_starts_without_a_burst_of_its_own():
    first, later = [], []
    for seed in range(8):
        active = (simulate_spikes(grow_culture(300, seed=seed), 9, seed=seed).counts(0.1) > 0).mean(axis=0)
        first.append(active[:10].mean())
        later.append(active[10:].mean())
    assert 0.2 < np.mean(first) / np.mean(later) < 1.5


def test_cells_that_rest_stay_at_rest_without_noise():
    culture = grow_culture(50, seed=0)
    state = starting_state(culture, np.random.default_rng(0))
    v = state.v.copy()
    steps, _ = advance(culture, state, np.zeros((500, 50)))
    assert not len(steps)
    np.testing.assert_allclose(state.v, v, atol=1e-6)


def test_the_same_seed_gives_the_same_spikes():
    culture, same = grow_culture(60, seed=8), grow_culture(60, seed=8)
    np.testing.assert_array_equal(culture.weights.toarray(), same.weights.toarray())
    one, two, other = (simulate_spikes(culture, 2.5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.steps, two.steps)
    np.testing.assert_array_equal(one.neurons, two.neurons)
    assert one.steps.tolist() != other.steps.tolist()


def test_counts_rates_and_synchrony_of_known_spikes():
    spikes = Spikes(np.array([0, 99, 100, 250, 1049]), np.array([0, 0, 1, 0, 1]), 2, 1.05)
    np.testing.assert_array_equal(spikes.counts(0.1)[:, :4], [[2, 0, 1, 0], [0, 1, 0, 0]])
    assert spikes.counts(0.1).shape == (2, 10)  # the last 50 ms fill no bin
    np.testing.assert_allclose(spikes.rates, np.array([3, 2]) / 1.05)
    together = np.repeat(np.arange(0, 1000, 250), 2)
    assert Spikes(together, np.tile([0, 1], 4), 2, 1.0).synchrony() == pytest.approx(1)
    assert np.isnan(Spikes(np.array([], np.int64), np.array([], np.int64), 2, 1.0).synchrony())


def test_progress_counts_steps_and_can_cancel():
    culture = grow_culture(20, seed=0)
    seen = []
    simulate_spikes(culture, 2.5, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2500), (1000, 2500), (2000, 2500), (2500, 2500)]
    with pytest.raises(Cancelled):
        simulate_spikes(culture, 2.5, progress=lambda done, total: done >= 1000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "FS"}, "'FS' is not known: choose among RS, IB, CH"),
        ({"neurons": 1}, "1 neurons cannot be simulated"),
        ({"axon_length": 0.0}, "axon length of 0 mm"),
        ({"excitatory_share": 1.5}, "excitatory_share is 1.5"),
        ({"contact_kept": -0.5}, "contact_kept is -0.5"),
    ],
)
def test_a_culture_that_cannot_grow_is_refused_in_one_sentence(change, words):
    with pytest.raises(InputError, match=words):
        grow_culture(**({"neurons": 20} | change))


def test_a_time_that_cannot_be_simulated_is_refused():
    with pytest.raises(InputError, match="0 s cannot be simulated"):
        simulate_spikes(grow_culture(20), 0)
