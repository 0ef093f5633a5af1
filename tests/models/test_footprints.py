"""Footprints: as smooth as they have to be, and those that training begins with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_calcdyn.models.var_autoencoder.footprints import first_footprints
from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.smoothness import Smooth, smoothed
from napari_calcdyn.models.var_autoencoder.tiles import Tiles
from napari_calcdyn.recording import Cancelled

FRAMES, SIZE = 600, 32


def blob(y: float, x: float) -> np.ndarray:
    row, column = np.mgrid[:SIZE, :SIZE]
    image = np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * 1.5**2))
    return image / np.linalg.norm(image)


def slow(rng: np.random.Generator) -> np.ndarray:
    steps = rng.normal(size=FRAMES)
    for t in range(1, FRAMES):
        steps[t] += 0.9 * steps[t - 1]
    return steps / steps.std()


def inside(network: PatchAutoencoder) -> torch.Tensor:
    return network.cut(torch.ones(1, *network.frame_shape))[:, 0]


def pictures(network: PatchAutoencoder, frames: np.ndarray) -> np.ndarray:
    """Footprints as whole pictures of length 1, (d, Y·X)."""
    smooth = Smooth(2 * network.stride, 1.0)
    tiles = Tiles(network.cut(torch.from_numpy(frames.astype(np.float32))))
    network.begin_with(first_footprints(network, tiles, inside(network), smooth, 0))
    with smoothed(network, smooth):
        pass
    with torch.no_grad():
        found = network.decode(torch.eye(network.latents)).flatten(1).numpy()
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_a_weak_cell_with_memory_is_found_and_bright_noise_is_not():
    rng = np.random.default_rng(0)
    cell, noisy = blob(14, 13), blob(20, 20)
    frames = rng.normal(size=(FRAMES, SIZE, SIZE)) * (1 + 3 * noisy / noisy.max())
    frames += 2.0 * slow(rng)[:, None, None] * cell  # half a standard deviation of the noise at its brightest
    frames += (
        3.0 * rng.normal(size=(FRAMES, 1, 1)) * blob(19, 10)
    )  # flickers without memory in the same window
    found = pictures(PatchAutoencoder((SIZE, SIZE), 16, 64), frames)
    assert np.square(found @ cell.ravel()).max() > 0.8


@pytest.mark.parametrize("at", [(12, 12), (16, 16), (12, 17), (1, 30)])
def test_a_cell_is_found_once_wherever_it_lies(at):
    rng = np.random.default_rng(1)
    cell = blob(*at)
    frames = 0.2 * rng.normal(size=(FRAMES, SIZE, SIZE)) + 4 * slow(rng)[:, None, None] * cell
    network = PatchAutoencoder((SIZE, SIZE), 16, 64)
    found = pictures(network, frames)
    shares = np.sort(np.square(found @ cell.ravel() / np.linalg.norm(cell)))[::-1]
    assert shares[0] > 0.3
    # together they hold the whole cell; were it found again by each window over it, the sum would be near 4
    assert 0.9 < shares.sum() < 2


def test_frames_of_zeros_change_nothing():
    rng = np.random.default_rng(2)
    frames = rng.normal(size=(200, SIZE, SIZE)) + 3 * slow(rng)[:200, None, None] * blob(14, 13)
    network = PatchAutoencoder((SIZE, SIZE), 16, 64)
    gap = np.zeros((20, SIZE, SIZE))
    np.testing.assert_allclose(
        pictures(network, frames), pictures(network, np.concatenate([frames, gap])), atol=1e-3
    )
    assert (
        first_footprints(
            network, Tiles(network.cut(torch.zeros(50, SIZE, SIZE))), inside(network), Smooth(16, 1.0), 0
        )
        .isfinite()
        .all()
    )


@pytest.mark.parametrize("shape", [(32, 8), (8, 64), (4, 4), (30, 1), (17, 23)])
def test_frames_of_any_shape(shape):
    network = PatchAutoencoder(shape, 4, 8)
    frames = torch.randn(40, *shape, generator=torch.Generator().manual_seed(0))
    side = 2 * network.stride
    found = first_footprints(network, Tiles(network.cut(frames)), inside(network), Smooth(side, 0.5), 0)
    assert found.shape == (4, side**2)
    assert found.isfinite().all()
    assert found.any(1).all()


def test_places_without_a_latent_take_nothing_away():
    rng = np.random.default_rng(3)
    cell = blob(12, 12)  # on the corner of four windows
    frames = 0.2 * rng.normal(size=(FRAMES, SIZE, SIZE)) + 4 * slow(rng)[:, None, None] * cell
    activity = torch.zeros(SIZE, SIZE)
    whole = PatchAutoencoder((SIZE, SIZE), 16, 64)
    for left_out in (0, 1, 4, 5):
        network = PatchAutoencoder((SIZE, SIZE), 15, 64, activity=activity + 1)
        network.places = torch.tensor([it for it in whole.places.tolist() if it != left_out])
        shares = np.square(pictures(network, frames) @ cell.ravel())
        assert shares.sum() > 0.9


def test_the_search_can_be_stopped():
    network = PatchAutoencoder((SIZE, SIZE), 16, 6)
    tiles = Tiles(network.cut(torch.ones(50, SIZE, SIZE)))
    with pytest.raises(Cancelled):
        first_footprints(
            network, tiles, inside(network), Smooth(16, 1.0), 0, progress=lambda done, total: done == 2
        )


def test_a_network_takes_footprints_of_as_many_shapes_as_it_has():
    network = PatchAutoencoder((SIZE, SIZE), 16, 6)
    shared = torch.randn(16, 4) @ torch.randn(4, (2 * network.stride) ** 2)
    network.begin_with(shared)
    torch.testing.assert_close(network.footprints, shared, atol=1e-4, rtol=1e-4)
    few = PatchAutoencoder((SIZE, SIZE), 16, 3)
    few.begin_with(shared)
    left = torch.linalg.svdvals(shared)[3]
    torch.testing.assert_close(torch.linalg.norm(few.footprints - shared), left)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_shapes_are_smoothed_while_they_are_trained_and_stay_so(sigma):
    network = PatchAutoencoder((16, 16), 4, 3)
    side = 2 * network.stride
    before = network.shapes.detach().view(-1, side, side).numpy().copy()
    with smoothed(network, Smooth(side, sigma)):
        during = network.shapes.detach().clone()
    assert dict(network.named_parameters()).keys() == {"shapes", "mixture"}
    torch.testing.assert_close(network.shapes.detach(), during)
    expected = gaussian_filter(before, (0, sigma, sigma), mode="constant", truncate=8) if sigma else before
    np.testing.assert_allclose(during.view(-1, side, side).numpy(), expected, atol=1e-4)
