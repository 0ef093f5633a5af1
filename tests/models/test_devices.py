from __future__ import annotations

import pytest
import torch

from napari_calcdyn.models.devices import available_devices, resolve_device
from napari_calcdyn.recording import InputError


@pytest.fixture
def with_devices(monkeypatch: pytest.MonkeyPatch):
    def pretend(*, cuda: bool, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "found"),
    [
        (False, False, ["cpu"]),
        (False, True, ["mps", "cpu"]),
        (True, False, ["cuda", "cpu"]),
        (True, True, ["cuda", "mps", "cpu"]),
    ],
)
def test_auto_is_the_fastest_there_is(with_devices, cuda: bool, mps: bool, found: list[str]) -> None:
    with_devices(cuda=cuda, mps=mps)
    assert available_devices() == found
    assert resolve_device("auto").type == resolve_device().type == found[0]
    for name in found:
        assert resolve_device(name).type == name


@pytest.mark.parametrize("name", ["gpu", "cuda:1", "", "CPU"])
def test_an_unknown_device_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(InputError, match="choose auto, cuda, mps or cpu"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_this_computer_lacks_is_refused_with_those_it_has(with_devices, name: str) -> None:
    with_devices(cuda=False, mps=False)
    with pytest.raises(InputError, match=f"no {name} device that torch can use: choose cpu"):
        resolve_device(name)
