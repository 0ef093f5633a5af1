"""The convolutional network: any size, latents with a place, complete contributions, exact gradients."""

import numpy as np
import pytest
import torch

from napari_calcdyn.models.var_autoencoder import VARAutoencoder, VARAutoencoderConfig
from napari_calcdyn.models.var_autoencoder.convolutional import ConvolutionalAutoencoder
from napari_calcdyn.models.var_autoencoder.prediction import estimate_var, spread
from napari_calcdyn.recording import InputError, Movie
from napari_calcdyn.simulate import simulate_movie


@pytest.mark.parametrize(
    ("shape", "latents"), [((24, 40), 15), ((17, 31), 7), ((9, 8), 72), ((5, 64), 4), ((33, 33), 9)]
)
def test_any_size_and_number_of_latents(shape: tuple[int, int], latents: int) -> None:
    network = ConvolutionalAutoencoder(shape, latents, 16)
    z = network.encode(torch.randn(3, *shape))
    assert z.shape == (3, latents)
    assert network.decode(z).shape == (3, *shape)
    assert network.centres.shape == (latents, 2)


@pytest.mark.parametrize("latents", [12, 20, 70])
def test_a_latent_is_decoded_within_its_reach_only(latents: int) -> None:
    network = ConvolutionalAutoencoder((40, 56), latents, 16)
    left, top = network.window_margins
    with torch.no_grad():
        still = network.decode(torch.zeros(1, latents))[0]
        for latent in (0, latents // 2, latents - 1):
            moved = network.decode(torch.eye(latents)[latent : latent + 1] * 3)[0] - still
            y, x = np.nonzero(moved.numpy())
            place = int(network.places[latent])
            first = np.array([place // network.columns, place % network.columns]) * network.stride - (
                top,
                left,
            )
            seen = np.array([[y.min(), x.min()], [y.max(), x.max()]]) - first
            assert seen.min() >= 0
            assert seen.max() < len(network.reach)


def test_contributions_are_complete_and_add_up() -> None:
    network = ConvolutionalAutoencoder((24, 40), 15, 16)
    mean, predicted = torch.randn(15), 2 * torch.randn(6, 15)
    share = torch.rand(6, 15)
    with torch.no_grad():
        whole = network.change(mean, predicted)
        derivative = network.mean_derivative(mean, predicted)
        one, other = (derivative(it * predicted) for it in (share, 1 - share))
        linear = network.decode(mean + predicted / 2) - network.decode(mean[None])
    assert (one + other - whole).norm() <= 1e-3 * whole.norm()
    assert (2 * linear - whole).norm() > 0.05 * whole.norm()  # it is not linear, or this would prove nothing


def test_the_derivative_is_that_of_the_decoder() -> None:
    network = ConvolutionalAutoencoder((13, 22), 6, 8).double()
    draw = torch.Generator().manual_seed(0)
    mean, predicted, part = (
        torch.randn(*it, dtype=torch.float64, generator=draw) for it in ((6,), (5, 6), (5, 6))
    )
    predicted *= torch.tensor([0, 0.1, 1, 2, 8])[:, None]  # few nodes to many
    expected = torch.zeros(5, 13, 22, dtype=torch.float64)
    for at, weight in zip(*np.polynomial.legendre.leggauss(80), strict=True):
        latents = mean + (at + 1) / 2 * predicted
        _, slope = torch.autograd.functional.jvp(network.decode, (latents,), (part,))
        expected += weight / 2 * slope
    with torch.no_grad():
        found = network.mean_derivative(mean, predicted)(part)
    assert (found - expected).norm() <= 1e-3 * expected.norm()
    assert (found[0] - expected[0]).norm() <= 1e-9 * expected[0].norm()  # no way to go


def test_gradients_through_the_estimate_are_exact() -> None:
    network = ConvolutionalAutoencoder((6, 6), 4, 2).double()
    names, values = zip(*network.named_parameters(), strict=True)
    x = torch.randn(24, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x + 2 * torch.sin(torch.arange(24) / 3)[:, None, None]

    def loss(*parameters: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, parameters, strict=True))
        latents = torch.func.functional_call(
            _Encoding(network), {f"network.{n}": v for n, v in given.items()}, x
        )
        windows = latents.view(2, 12, 4)
        estimate = estimate_var(windows[:1], 1, torch.full((4, 4), 0.1, dtype=torch.float64))
        assert estimate.coefficients.count_nonzero()
        return estimate.residual(windows[1:]).sum() / spread(windows[1:])

    used = [it.detach().clone().requires_grad_() for it in values]
    assert torch.autograd.gradcheck(loss, used, eps=1e-6, atol=1e-6, rtol=1e-4)


class _Encoding(torch.nn.Module):
    def __init__(self, network: ConvolutionalAutoencoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.network.encode(frames)


@pytest.fixture(scope="module")
def movie() -> Movie:
    return Movie.from_array(simulate_movie(frames=120, height=24, width=32, seed=0).movie)


@pytest.fixture(scope="module")
def model(movie: Movie) -> VARAutoencoder:
    config = VARAutoencoderConfig(network="convolutional", steps=25, kernels=16)
    return VARAutoencoder(config).fit(movie, device="cpu")


def test_learns_what_is_in_the_movie(model: VARAutoencoder, movie: Movie) -> None:
    assert model.metrics["reconstruction_error"] < 0.95 * model.scale**2
    assert model.metrics["frame_prediction_error"] < 2 * model.scale**2


def test_is_saved_and_loaded(model: VARAutoencoder, movie: Movie, tmp_path) -> None:  # type: ignore[no-untyped-def]
    again = VARAutoencoder.load(model.save(tmp_path / "model") or tmp_path / "model")
    frames = movie.frames(0, 4)
    np.testing.assert_array_equal(again.encode(frames), model.encode(frames))


def test_what_needs_a_linear_network_says_so(model: VARAutoencoder) -> None:
    with pytest.raises(InputError, match="needs a linear network"):
        model.footprint_network  # noqa: B018
