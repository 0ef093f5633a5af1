from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from avae_traces import SMALL, events, fit, recording

from napari_calcdyn.models.avae import model as avae
from napari_calcdyn.models.avae.config import AVAEConfig
from napari_calcdyn.models.avae.data import Normalisation
from napari_calcdyn.models.avae.model import AVAE
from napari_calcdyn.recording import InputError, Traces

ARCHITECTURES = ("residual", "paper", "sequence")


@pytest.fixture(scope="module")
def traces() -> Traces:
    return recording(60)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request: pytest.FixtureRequest, traces: Traces) -> AVAE:
    return fit(traces, architecture=request.param, epochs=3)[0]


@pytest.fixture(scope="module")
def by_trace(traces: Traces) -> AVAE:
    return fit(traces, scaling="trace", epochs=20, learning_rate=0.01)[0]


def test_every_neuron_gets_a_posterior_and_a_trace(model: AVAE, traces: Traces) -> None:
    mean, std = model.encode(traces)
    assert mean.shape == std.shape == (60, 3)
    assert mean.dtype == std.dtype == np.float32
    assert (std > 0).all()
    denoised = model.reconstruct(traces)
    assert (denoised.shape, denoised.dtype) == ((60, 80), np.float32)
    np.testing.assert_allclose(model.decode(mean), denoised, rtol=1e-5)
    assert abs(denoised.mean() - traces.values.mean()) < 5  # in the traces' own unit
    assert (model.samples, model.frame_rate, model.device.type) == (80, 20.0, "cpu")


def test_unusable_traces_have_no_latents(model: AVAE, traces: Traces) -> None:
    values = traces.values.copy()
    values[3], values[7] = np.nan, 5.0
    spoilt = replace(traces, values=values)
    (mean, std), denoised = model.encode(spoilt), model.reconstruct(spoilt)
    usable = np.delete(np.arange(60), [3, 7])
    for found in (mean, std, denoised):
        assert np.isnan(found[[3, 7]]).all()
    np.testing.assert_allclose(mean[usable], model.encode(traces)[0][usable], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(denoised[usable], model.reconstruct(traces)[usable], rtol=1e-5)
    nothing = replace(traces, values=np.full_like(values, np.nan))
    assert np.isnan(model.encode(nothing)[0]).all()
    assert np.isnan(model.reconstruct(nothing)).all()


def test_what_stands_in_a_missing_sample_does_not_matter(model: AVAE, traces: Traces) -> None:
    mask = np.random.default_rng(0).random(traces.values.shape) < 0.8
    found = []
    for filling in (0.0, -1e6, np.nan, np.inf):
        masked = Traces.from_array(np.where(mask, traces.values, filling), mask=mask)
        found.append((*model.encode(masked), model.reconstruct(masked)))
    for one in found[1:]:
        for part, expected in zip(one, found[0], strict=True):
            np.testing.assert_array_equal(part, expected)
    assert np.isfinite(found[0][2]).all()  # the reconstruction fills them in


def test_missing_samples_are_filled_in(traces: Traces) -> None:
    mask = np.random.default_rng(0).random(traces.values.shape) < 0.85
    seen = replace(traces, values=np.where(mask, traces.values, np.nan))
    model, _ = fit(seen, epochs=30, learning_rate=0.01)
    clean = events(60, noise=0)
    error = np.square(model.reconstruct(seen) - clean)[~mask].mean()
    assert error < 0.25 * np.square(clean - clean.mean(axis=0))[~mask].mean()


def test_neurons_are_described_one_by_one(
    model: AVAE, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many neurons go through the network at a time."""
    expected = *model.encode(traces), model.reconstruct(traces)
    monkeypatch.setattr(avae, "_BATCH_BYTES", 7 * 4 * 80)
    for one, other in zip((*model.encode(traces), model.reconstruct(traces)), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    order = np.array([31, 4, 59])
    np.testing.assert_allclose(
        model.encode(traces.select(order))[0], expected[0][order], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("architecture", ["residual", "paper"])
def test_refined_traces_are_nearer_to_neurons_that_were_not_trained_on(architecture: str) -> None:
    everything, clean = recording(150, noise=0.1), events(150, noise=0)
    known, new = everything.select(np.arange(60)), everything.select(np.arange(60, 150))
    model, _ = fit(known, architecture=architecture, epochs=30, learning_rate=0.01)
    errors = []
    for steps in (0, 1):
        refined = copy.copy(model)
        refined.config = model.config.model_copy(update={"refinement": steps})
        errors.append(np.square(refined.reconstruct(new) - clean[60:]).mean())
        np.testing.assert_array_equal(refined.encode(new)[0], model.encode(new)[0])
    assert errors[1] < 0.9 * errors[0]


def test_samples_of_the_prior_are_decoded_normal_numbers(model: AVAE) -> None:
    drawn = model.sample(5, seed=3)
    assert drawn.shape == (5, 80)
    np.testing.assert_array_equal(drawn, model.sample(5, seed=3))
    assert not np.array_equal(drawn, model.sample(5, seed=4))
    latents = np.random.default_rng(3).standard_normal((5, 3))
    np.testing.assert_array_equal(drawn, model.decode(latents))


def test_samples_look_like_neurons(traces: Traces) -> None:
    model, _ = fit(traces, epochs=30, learning_rate=0.01)
    drawn = model.sample(200)
    np.testing.assert_allclose(drawn.mean(), traces.values.mean(), rtol=0.05)
    assert 0.5 < drawn.std() / events(60, noise=0).std() < 2


def test_interpolation_walks_from_one_neuron_to_the_other(model: AVAE, traces: Traces) -> None:
    mean, _ = model.encode(traces)
    walk = model.interpolate(mean[0], mean[1], steps=5)
    assert walk.shape == (5, 80)
    np.testing.assert_allclose(walk[[0, 4]], model.reconstruct(traces)[:2], rtol=1e-5)
    np.testing.assert_allclose(walk[2], model.decode(mean[:2].mean(axis=0, keepdims=True))[0], rtol=1e-5)
    assert model.interpolate(mean[0], mean[1]).shape == (9, 80)


def test_traces_of_another_length_are_refused_where_the_network_sees_them_whole(
    model: AVAE, traces: Traces
) -> None:
    longer = replace(traces, values=np.pad(traces.values, ((0, 0), (0, 5)), constant_values=np.nan))
    if model.config.architecture == "sequence":
        model.check(longer)
        for one, other in zip(model.encode(longer), model.encode(traces), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)  # padded, and the same
        np.testing.assert_allclose(model.reconstruct(longer)[:, :80], model.reconstruct(traces), rtol=1e-5)
        assert model.decode(np.zeros((2, 3)), samples=33).shape == (2, 33)
        return
    for use in (model.check, model.encode, model.reconstruct):
        with pytest.raises(InputError, match=r"of 80 samples and a\.csv has 85.*network “sequence”") as error:
            use(longer)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("scaling", ["recording", "trace"])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_normalised_traces_come_back(traces: Traces, scaling: str, skip: bool, architecture: str) -> None:
    values = traces.values * np.arange(1, 61, dtype=np.float32)[:, None]
    values[:, 4] = np.nan
    some = replace(traces, values=values)
    config = AVAEConfig(**{**SMALL, "scaling": scaling, "skip": skip, "architecture": architecture})
    normalisation = Normalisation.fit(some, config)
    normalised, valid = normalisation.apply(some)
    assert normalised.dtype == torch.float32
    np.testing.assert_array_equal(valid.numpy(), some.mask)
    assert normalised[:, 4].eq(0).all()
    back = normalisation.invert(normalised, normalisation.range_of(some))
    span = np.nanmax(values) - np.nanmin(values)
    np.testing.assert_allclose(back[some.mask], values[some.mask], atol=1e-6 * span)
    known = normalised[valid]
    if architecture == "paper" or not skip:  # Eq. 4: an LSTM cannot answer more than 1
        assert float(known.abs().max()) <= 1
    else:
        assert float(known.square().mean().sqrt()) == pytest.approx(1, rel=1e-4)
    if not skip:
        assert (float(known.min()), float(known.max())) == (-0.5, 0.5)


def test_the_mean_trace_goes_round_the_network(traces: Traces) -> None:
    normalised, _ = Normalisation.fit(traces, AVAEConfig(**SMALL)).apply(traces)
    np.testing.assert_allclose(normalised.mean(dim=0).numpy(), 0, atol=1e-5)
    # One that takes traces of any length has one number for all samples.
    along = Normalisation.fit(traces, AVAEConfig(**{**SMALL, "architecture": "sequence"}))
    assert along.offset.shape == (1,)
    assert float(along.apply(traces)[0].mean()) == pytest.approx(0, abs=1e-5)


def test_scaled_by_trace_each_neuron_comes_back_in_its_own_range(traces: Traces, by_trace: AVAE) -> None:
    loud = replace(traces, values=1000 * traces.values - 7)
    np.testing.assert_allclose(by_trace.encode(loud)[0], by_trace.encode(traces)[0], rtol=1e-3, atol=1e-3)
    expected = 1000 * by_trace.reconstruct(traces) - 7
    np.testing.assert_allclose(by_trace.reconstruct(loud), expected, rtol=1e-3)
    clean = events(60, noise=0)
    assert np.square(by_trace.reconstruct(traces) - clean).mean() < 0.3 * clean.var()
    # A latent that is no trace's own is shown in the median range.
    shown = by_trace.decode(by_trace.encode(loud)[0])
    low, high = np.median(traces.values.min(axis=1)), np.median(traces.values.max(axis=1))
    assert low - 5 < shown.mean() < high
    assert shown.max() < high + 0.2 * (high - low)


def test_scaled_by_trace_rows_keep_their_order_beside_unusable_ones(traces: Traces, by_trace: AVAE) -> None:
    values = traces.values * np.linspace(1, 50, 60, dtype=np.float32)[:, None]
    values[0] = np.nan
    denoised = by_trace.reconstruct(replace(traces, values=values))
    ratio = denoised[1:].mean(axis=1) / values[1:].mean(axis=1)
    np.testing.assert_allclose(ratio, 1, atol=0.1)
