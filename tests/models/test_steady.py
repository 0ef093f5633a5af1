from __future__ import annotations

import numpy as np
import torch

from napari_calcdyn.models.var import Selection, SteadyVAR, fit_own_past, fit_var
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.shot_noise import shot_noise
from napari_calcdyn.models.var_autoencoder.tiled_frames import TiledFrames
from napari_calcdyn.models.var_autoencoder.windows import NormalisedMovie
from napari_calcdyn.recording import Movie


def latents(frames=3000, seed=0):
    """A slow latent under five times its variance of noise, one that follows it, and one without memory."""
    rng = np.random.default_rng(seed)
    slow = np.zeros(frames)
    for t in range(1, frames):
        slow[t] = 0.95 * slow[t - 1] + np.sqrt(1 - 0.95**2) * rng.normal()
    noisy = slow + np.sqrt(5) * rng.normal(size=frames)
    follower = np.r_[0, noisy[:-1]] + 0.1 * rng.normal(size=frames)
    return np.stack([noisy, follower, rng.normal(size=frames)], 1)


def test_own_past_is_least_squares_on_the_mean_of_five_frames_beside_the_connections():
    z = latents()
    var = fit_var(z, 1, Selection())
    own = fit_own_past(var, z)
    centred = z - z.mean(0)
    recent = np.mean([centred[5 - lag : -lag] for lag in range(1, 6)], 0)
    table = var.coefficients[0].astype(float)
    rest = centred[5:] - centred[4:-1] @ (table - np.diag(np.diag(table))).T
    expected = [np.linalg.lstsq(recent[:, [j]], rest[:, j])[0][0] for j in range(3)]
    np.testing.assert_allclose(own, np.maximum(expected, 0), rtol=1e-6, atol=1e-9)
    assert own[0] > 0.2
    assert own[2] < 0.2


def test_it_predicts_a_noisy_latent_better_than_one_frame():
    z = latents()[:, [0, 2]]
    var = fit_var(z[:2000], 1, Selection())
    steady = SteadyVAR(var, fit_own_past(var, z[:2000]), 0.0)
    later = z[2000:] - var.mean
    predicted = sum(later[5 - lag : -lag] @ table.T for lag, table in enumerate(steady.coefficients, start=1))
    error = np.square(later[5:] - predicted).mean(0)
    sparse = np.square(z[2005:] - var.predict(z[2000:])[5:]).mean(0)
    assert error[0] < 0.98 * sparse[0]


def test_frames_that_are_left_out_do_not_count():
    z = latents()
    var = fit_var(z, 1, Selection())
    holed = np.insert(z, 1500, np.full((1, 3), np.nan), axis=0)
    np.testing.assert_allclose(fit_own_past(var, holed), fit_own_past(var, z), atol=0.01)
    assert not fit_own_past(var, z[:5]).any()


def test_shot_noise_is_told_from_slow_changes():
    rng = np.random.default_rng(0)
    slow = 20 * np.sin(np.arange(2000) / 50)[:, None, None]
    sigma = np.linspace(1, 9, 12)
    frames = (500 + slow + sigma * rng.normal(size=(2000, 10, 12))).astype(np.float32)
    movie = NormalisedMovie(Movie.from_array(frames), frames.mean(0), 2.0, torch.device("cpu"))
    network = PatchAutoencoder((10, 12), 4, 3)
    variance, share = shot_noise(TiledFrames(movie, network), 2000)
    variance = network.join(variance[:, None])[0]
    np.testing.assert_allclose(4 * variance.numpy().mean(0), sigma**2, rtol=0.1)
    assert abs(share - np.mean(sigma**2) / (np.mean(sigma**2) + 200)) < 0.02


def test_noise_of_latents_is_that_of_encoded_noise():
    network = PatchAutoencoder((20, 26), 12, 5)
    sigma = torch.rand(20, 26)
    noise = sigma * torch.randn(20_000, 20, 26, generator=torch.Generator().manual_seed(0))
    expected = network.encode(noise).var(0)
    pixels = network.cut(sigma[None] ** 2)[:, 0]
    torch.testing.assert_close(
        network.noise_variance(pixels, network.corners), expected, rtol=0.05, atol=1e-4
    )
