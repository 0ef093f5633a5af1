from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_calcdyn.models.var_autoencoder.network import PatchAutoencoder, automatic_latents
from napari_calcdyn.models.var_autoencoder.tiles import Tiles

SHAPES = [
    ((64, 64), 64),
    ((37, 53), 50),
    ((37, 53), 35),
    ((5, 200), 7),
    ((200, 5), 16),
    ((16, 16), 256),  # one for each pixel
    ((11, 7), 4),
    ((40, 40), 1000),
]


@pytest.fixture(params=SHAPES, ids=[f"{y}x{x}, d={d}" for (y, x), d in SHAPES])
def network(request: pytest.FixtureRequest) -> PatchAutoencoder:
    shape, latents = request.param
    return PatchAutoencoder(shape, latents, 6, seed=1).double()


def frames_of(network: PatchAutoencoder, count: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, *network.frame_shape, generator=generator, dtype=torch.float64)


def distances(network: PatchAutoencoder, latent: int) -> np.ndarray:
    """How far each pixel is from a latent's centre, in the direction where it is farther, (Y, X)."""
    height, width = network.frame_shape
    y, x = network.centres[latent].tolist()
    return np.maximum(abs(np.arange(height) - y)[:, None], abs(np.arange(width) - x)[None])


def test_any_frame_size_and_exactly_so_many_latents(network, request: pytest.FixtureRequest) -> None:
    shape, latents = request.node.callspec.params["network"]
    z = network.encode(frames_of(network))
    assert z.shape == (5, latents)
    assert network.latents == latents
    assert network.centres.shape == (latents, 2)
    assert network.decode(z).shape == (5, *shape)
    assert (z.std(0) > 0).all()  # no latent is blind


def test_tiles_hold_every_pixel_once(network) -> None:
    frames = frames_of(network)
    tiles = network.cut(frames)
    torch.testing.assert_close(network.join(tiles), frames)
    torch.testing.assert_close(tiles.square().sum(), frames.square().sum())


def test_errors_are_those_of_decoded_frames_without_decoding_them(network) -> None:
    used = torch.rand(network.frame_shape, dtype=torch.float64) > 0.1
    frames = frames_of(network) * used
    tiles, inside = Tiles(network.cut(frames)), network.cut(used[None].double())[:, 0]

    z = network.encode_tiles(tiles)
    shown = network.decode(z) * used
    torch.testing.assert_close(network.power(z, network.within(inside)), shown.square().sum((1, 2)))
    expected = (shown - frames).square().sum((1, 2))
    found = network.squared_error(tiles, z, network.within(inside))
    torch.testing.assert_close(found, expected)
    parameters = list(network.parameters())
    gradients = [torch.autograd.grad(it.sum(), parameters, retain_graph=True) for it in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_latents_can_be_differentiated_by_pixels_and_footprints(network) -> None:
    frames = frames_of(network, 2).requires_grad_()
    assert torch.autograd.gradcheck(network.encode, (frames,), fast_mode=True)


@torch.no_grad()
def test_the_decoder_is_linear(network) -> None:
    generator = torch.Generator().manual_seed(2)
    one, other = torch.randn(2, 3, network.latents, generator=generator, dtype=torch.float64)
    both = network.decode(2 * one - 3 * other)
    torch.testing.assert_close(both, 2 * network.decode(one) - 3 * network.decode(other))
    assert not network.decode(torch.zeros_like(one)).any()


@torch.no_grad()
def test_a_latent_shows_only_around_its_centre(network) -> None:
    unit = torch.eye(network.latents, dtype=torch.float64)
    pictures = network.decode(unit).numpy()
    for latent in range(0, network.latents, 7):
        near = distances(network, latent) <= network.stride
        assert near.any()
        assert pictures[latent][near].any()
        assert not pictures[latent][~near].any()


@torch.no_grad()
def test_the_latents_of_a_tile_decode_to_it(network) -> None:
    z = network.encode(frames_of(network))
    latents = network.tile_latents
    assert (latents >= 0).sum() == 4 * network.latents
    amounts = torch.where(latents >= 0, z[:, latents.clamp_min(0)], 0)
    tiles = amounts.transpose(0, 1) @ network.corners
    torch.testing.assert_close(network.join(tiles), network.decode(z))


@torch.no_grad()
@pytest.mark.parametrize("margin", [0, 3])
def test_a_row_of_tiles_with_what_is_around_it(network, margin: int) -> None:
    frames = frames_of(network)
    step, side = network.stride, network.stride + 2 * margin
    rows = [network.row_of_tiles(frames, row, margin) for row in range(network.rows + 1)]
    tiles = torch.cat(rows).unflatten(2, (side, side))
    inner = tiles[:, :, margin : margin + step, margin : margin + step]
    torch.testing.assert_close(network.join(inner.flatten(2)), frames)
    before, after = step // 2 + margin, 2 * step + margin
    around = torch.nn.functional.pad(frames, (before, after, before, after), mode="replicate")
    for number, tile in enumerate(tiles):
        top, left = (it * step for it in divmod(number, network.columns + 1))
        torch.testing.assert_close(tile, around[:, top : top + side, left : left + side])


@torch.no_grad()
def test_a_latent_looks_only_around_its_centre(network) -> None:
    frames = frames_of(network, 1)
    for latent in range(0, network.latents, 7):
        near = torch.from_numpy(distances(network, latent) <= network.stride)
        before = network.encode(frames)[0, latent]
        far = network.encode(torch.where(near, frames, -frames))[0, latent]
        torch.testing.assert_close(far, before)
        changed = network.encode(torch.where(near, -frames, frames))[0, latent]
        assert abs(changed - before) > 1e-6


@torch.no_grad()
def test_frames_are_encoded_and_decoded_one_by_one(network) -> None:
    frames = frames_of(network)
    z = network.encode(frames)
    torch.testing.assert_close(torch.cat([network.encode(frame[None]) for frame in frames]), z)
    torch.testing.assert_close(torch.cat([network.decode(row[None]) for row in z]), network.decode(z))


def test_every_weight_matters(network) -> None:
    frames = frames_of(network, 8)
    (network.decode(network.encode(frames)) - frames).square().mean().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


def test_every_pixel_can_be_shown() -> None:
    network = PatchAutoencoder((37, 53), 35, 6, seed=1)
    assert network.decode(torch.eye(35)).detach().ne(0).any(0).all()


def test_latents_sit_where_most_happens() -> None:
    activity = torch.linspace(0, 1, 64).expand(64, 64)  # more to the right
    network = PatchAutoencoder((64, 64), 20, 6, activity=activity)
    columns = network.centres[:, 1].unique()
    assert len(network.centres.unique(dim=0)) == network.latents == 20
    # The grid has 5 × 5 places.
    assert len(network.centres[:, 0].unique()) == 5
    assert len(columns) == 4
    assert columns.min() > 64 / 5


def test_same_seed_same_weights() -> None:
    one, same, other = (PatchAutoencoder((30, 30), 16, 6, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("shape", "frames", "spacing", "latents"),
    [
        ((64, 64), 400, 8, 64),
        ((37, 53), 400, 8, 35),
        ((512, 512), 5000, 16, 1024),
        ((512, 512), 100, 16, 1024),
        ((512, 512), 50, 16, 25),
        ((512, 512), 100, 8, 4096),
        ((1024, 1024), 100, 8, 4096),
        ((512, 512), 100, 11.3, 2209),
        ((300, 1000), 100, 8, 3808),
        ((128, 128), 300, 8, 150),
        ((128, 128), 600, 8, 256),
        ((8, 8), 400, 8, 4),
    ],
)
def test_automatic_number_of_latents(
    shape: tuple[int, int], frames: int, spacing: float, latents: int
) -> None:
    assert automatic_latents(shape, frames, spacing) == latents


@pytest.mark.parametrize("shape", [(512, 512), (300, 1000), (733, 421), (2048, 2048)])
@pytest.mark.parametrize("spacing", [8, 9.7, 11.3])
def test_no_place_is_empty_in_a_large_frame(shape: tuple[int, int], spacing: float) -> None:
    network = PatchAutoencoder(shape, automatic_latents(shape, 1000, spacing), 1)
    assert network.latents == network.rows * network.columns
