"""Eq. 1 with depressing synapses in plain scalars: one neuron and one synapse after the other."""

from __future__ import annotations

import math


def scalar_spikes(culture, state, noise):
    """Step a culture that rests; return (step, neuron) of every spike.

    `noise` holds standard normal numbers, (steps, N); `state` is read only, with no synaptic input yet.
    """
    number = len(culture)
    links = culture.weights.tocoo()
    sources = [[] for _ in range(number)]  # of each postsynaptic neuron: who sends, and how much
    for before, after, weight in zip(
        links.row.tolist(), links.col.tolist(), links.data.tolist(), strict=True
    ):
        sources[after].append((before, weight))
    a, b, v0, du = (values.tolist() for values in (culture.a, culture.b, culture.v0, culture.du))
    v, u, resource = state.v.tolist(), state.u.tolist(), state.resource.tolist()
    released = [0.0] * number
    spikes = []
    for step, drawn in enumerate(noise.tolist()):
        inputs = []
        for i in range(number):
            total = 0.0
            for before, weight in sources[i]:
                total += weight * released[before]
            inputs.append(total)
        for i in range(number):
            eta = math.sqrt(2 * 2.25) * drawn[i]
            recovery, potential = u[i], v[i]
            u[i] = recovery + a[i] * (b[i] * potential - recovery)
            slope = 0.04 * potential * potential + 5 * potential + 140 - recovery
            potential += 0.5 * (slope + inputs[i] + eta)
            slope = 0.04 * potential * potential + 5 * potential + 140 - recovery
            potential += 0.5 * (slope + inputs[i] + eta)
            v[i] = potential
            released[i] -= released[i] / 10
            resource[i] += (1 - resource[i]) / 8000
            if potential > 30:
                v[i] = v0[i]
                u[i] += du[i]
                released[i] += resource[i]
                resource[i] *= 0.2
                spikes.append((step, i))
    return spikes
