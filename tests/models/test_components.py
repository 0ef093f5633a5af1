from __future__ import annotations

import pytest
import torch

from napari_calcdyn.models.avae.components import principal_components


@pytest.mark.parametrize(("neurons", "samples"), [(200, 60), (60, 200)])
def test_components_are_those_of_the_singular_value_decomposition(neurons: int, samples: int) -> None:
    draw = torch.Generator().manual_seed(0)
    heights = 0.7 ** torch.arange(samples)
    traces = torch.randn(neurons, samples, generator=draw) * heights + 0.3
    values, directions = principal_components(traces, 5)
    _, expected_values, expected = torch.linalg.svd(traces, full_matrices=False)
    torch.testing.assert_close(values, expected_values[:5], rtol=1e-4, atol=0)
    torch.testing.assert_close((directions.T @ expected[:5].T).abs(), torch.eye(5), rtol=0, atol=1e-3)


def test_no_more_components_than_neurons_or_samples() -> None:
    for shape in ((4, 30), (30, 4)):
        values, directions = principal_components(torch.randn(shape), 9)
        assert values.shape == (4,)
        assert directions.shape == (shape[1], 4)


def test_the_same_components_every_time_and_nobody_s_random_numbers_are_touched() -> None:
    traces = torch.randn(100, 80, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    first = principal_components(traces, 4)
    assert torch.equal(torch.rand(3), expected)
    for one, other in zip(principal_components(traces, 4), first, strict=True):
        assert torch.equal(one, other)
