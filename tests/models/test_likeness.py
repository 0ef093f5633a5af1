from __future__ import annotations

import pytest
import torch
from torch import Tensor

from napari_calcdyn.models.avae import likeness
from napari_calcdyn.models.avae.likeness import likeness_loss, nearest_in_shape


def shapes(groups: int = 4, of_each: int = 10, samples: int = 50) -> tuple[Tensor, Tensor]:
    """Traces of a few shapes, at any height, and which shape each has."""
    draw = torch.Generator().manual_seed(0)
    which = torch.arange(groups).repeat(of_each)
    height = torch.rand(len(which), 1, generator=draw) + 0.5
    traces = torch.randn(groups, samples, generator=draw)[which] * height
    return traces + 0.05 * torch.randn(len(which), samples, generator=draw), which


def test_neurons_of_one_shape_are_nearest() -> None:
    traces, which = shapes()
    found = nearest_in_shape(traces)
    assert len(found) == 40
    assert 1 <= found.shape[1] < 10
    assert found.dtype == torch.int64
    assert (which[found] == which.unsqueeze(1)).all()
    assert not (found == torch.arange(40).unsqueeze(1)).any()  # nobody is his own partner
    assert all(len(set(row)) == len(row) for row in found.tolist())


def test_the_nearest_come_first_by_the_angle_between_traces() -> None:
    traces = torch.randn(25, 20, generator=torch.Generator().manual_seed(1))
    centred = torch.nn.functional.normalize(traces - traces.mean(dim=0), dim=1)
    cosine = (centred @ centred.T).fill_diagonal_(-2)
    found = nearest_in_shape(traces)
    assert torch.equal(found, cosine.topk(found.shape[1], dim=1).indices)


def test_neurons_are_compared_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    traces, _ = shapes()
    expected = nearest_in_shape(traces)
    monkeypatch.setattr(likeness, "_BLOCK", 7)
    assert torch.equal(nearest_in_shape(traces), expected)


def test_few_neurons_have_few_partners() -> None:
    assert nearest_in_shape(shapes(of_each=1)[0]).shape == (4, 3)


def test_the_loss_in_plain_numbers() -> None:
    latents, partners = torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0], [3.0]])
    apart = 1 / (1 + 9)
    expected = [-torch.tensor(near / (near + apart)).log() for near in (1 / 2, 1.0)]
    assert likeness_loss(latents, partners).item() == pytest.approx(sum(expected).item() / 2, rel=1e-6)


def test_the_loss_draws_partners_together_and_parts_the_others() -> None:
    draw = torch.Generator().manual_seed(2)
    latents = torch.randn(40, 2, generator=draw).requires_grad_()
    which = torch.arange(40) % 4
    optimiser = torch.optim.Adam([latents], lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        partner = (torch.arange(40) + 4 * int(torch.randint(1, 10, (), generator=draw))) % 40
        loss = likeness_loss(latents, latents[partner])
        loss.backward()
        assert latents.grad.isfinite().all()
        optimiser.step()
    distance = torch.cdist(latents.detach(), latents.detach())
    same = which.unsqueeze(0) == which.unsqueeze(1)
    assert distance[same].mean() < 0.3 * distance[~same].mean()
