from __future__ import annotations

import pytest
import torch

from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder
from napari_calcdyn.models.var_autoencoder.tiles import Tiles

CPU = torch.device("cpu")


def stored(network: PatchAutoencoder, frames: torch.Tensor) -> Tiles:
    tiles = Tiles.room((network.rows + 1) * (network.columns + 1), len(frames), network.stride**2, CPU)
    for start in range(0, len(frames), 7):
        network.store(frames[start : start + 7], tiles, start)
    return tiles


@pytest.fixture(params=[(32, 32), (13, 11), (7, 40), (3, 3), (64, 9)])
def network(request: pytest.FixtureRequest) -> PatchAutoencoder:
    return PatchAutoencoder(request.param, 6, 4)


def frames_of(network: PatchAutoencoder) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    sizes = torch.logspace(-3, 3, 30)[:, None, None]  # a dark frame is kept as exactly as a bright one
    return sizes * torch.randn(30, *network.frame_shape, generator=draw)


def test_integers_keep_every_pixel_of_every_frame(network) -> None:
    frames = frames_of(network)
    tiles = stored(network, frames)
    assert tiles.values.dtype == torch.int16
    exact = network.cut(frames)
    largest = exact.abs().amax(2, keepdim=True)
    assert ((tiles.dense() - exact).abs() <= 0.51 * largest / 32767).all()
    torch.testing.assert_close(tiles.squares(), frames.square().sum((1, 2)), rtol=1e-4, atol=0)


def test_products_and_gradients_are_those_of_numbers(network) -> None:
    tiles = stored(network, frames_of(network)).stretches([20, 3, 11], 5)
    dense = Tiles(tiles.dense())
    assert len(tiles) == len(dense) == 15
    parts = Tiles(stored(network, frames_of(network)).dense(), None, tiles.starts, 5)
    found = []
    for it in (tiles, dense, parts):
        corners = network.within(torch.ones_like(dense.values[:, 0]))
        products = it.times(corners)
        [gradient] = torch.autograd.grad(products.square().sum(), [network.mixture])
        found.append((products, gradient, it.squares()))
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5 * float(two.detach().abs().max()))


def test_a_part_of_the_tiles(network) -> None:
    tiles = stored(network, frames_of(network)).stretches([4, 9], 3)
    torch.testing.assert_close(tiles.dense(slice(1, 3)), tiles.dense()[1:3])


def test_frames_of_zeros(network) -> None:
    tiles = stored(network, torch.zeros(9, *network.frame_shape))
    assert not tiles.dense().any()
    assert not tiles.squares().any()


def test_frames_that_are_never_written_are_dark_once_they_are_zero(
    network, monkeypatch: pytest.MonkeyPatch
) -> None:
    # memory that is given again may hold anything
    monkeypatch.setattr(torch, "empty", lambda *size, **how: torch.full(size, 7, **how))
    tiles = Tiles.room(4, 9, network.stride**2, CPU)
    tiles.values[:] = 0
    assert not tiles.dense().any()
    assert tiles.units is not None
    assert not tiles.units.any()


def test_products_of_one_owner_are_added_up(network) -> None:
    tiles = stored(network, frames_of(network)).stretches([2, 9], 5)
    corners = network.within(torch.ones_like(tiles.dense()[:, 0]))
    owners = network.tile_latents
    assert (owners < 0).any()
    expected = torch.zeros(network.latents, len(tiles))
    products = tiles.times(corners)
    expected.index_add_(0, owners[owners >= 0], products[owners >= 0])
    found = tiles.sums(corners, owners.view(network.rows + 1, -1, 4), network.latents)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.detach().abs().max()))
