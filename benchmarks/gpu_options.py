"""Options of torch that may make the network faster on a graphics card, each measured by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from gpu_checks import apart
from gpu_steps import LENGTH, STRETCHES, milliseconds
from torch import Tensor

from napari_calcdyn.models.var_autoencoder import network, tiles
from napari_calcdyn.models.var_autoencoder.tiles import Tiles

OPTIONS = ("plain", "bfloat16 products", "frames in bfloat16", "TF32 products", "CUDA graph", "torch.compile")
OF_CUDA = OPTIONS[3:]


class _Bfloat16(torch.autograd.Function):
    """The network's product and its gradient, of factors in bfloat16."""

    @staticmethod
    def forward(ctx: Any, corners: Tensor, frames: Tiles) -> Tensor:
        values = frames.values.bfloat16()
        ctx.save_for_backward(values)
        return (corners.bfloat16() @ values.mT).float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return (gradient.bfloat16() @ ctx.saved_tensors[0]).float(), None


def graphed(call: Callable[[], Any]) -> Callable[[], Any]:
    """Record a call as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answer = call()

    def replay() -> Any:
        graph.replay()
        return answer

    return replay


@contextmanager
def tf32() -> Iterator[None]:
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")


def measured(device: str, option: str, latents: int, size: int) -> Iterator[dict[str, object]]:
    """Time encoding, reconstruction error and gradient of a batch, plain and with an option."""
    if device == "cpu" and option in OF_CUDA:
        raise RuntimeError("needs a CUDA device")
    torch.manual_seed(0)
    net = network.PatchAutoencoder((size, size), latents, 64).to(device)
    frames = net.cut(torch.randn(STRETCHES * LENGTH, size, size, device=device)).contiguous()
    used = torch.ones_like(frames[:, 0])
    weights = list(net.parameters())

    def error(frames: Tensor) -> Tensor:
        tiled = Tiles(frames)
        return net.squared_error(tiled, net.encode_tiles(tiled), net.within(used)).mean()

    def plain() -> tuple[Tensor, ...]:
        return torch.autograd.grad(error(frames), weights)

    def timed(call: Callable[[], tuple[Tensor, ...]]) -> tuple[float, Any]:
        took = milliseconds(device, call)
        return took, torch.cat([it.flatten() for it in call()]).cpu().numpy()

    usual, expected = timed(plain)
    if option == "TF32 products":
        with tf32():
            took, found = timed(plain)
    elif option in ("bfloat16 products", "frames in bfloat16"):
        kept = frames.bfloat16() if option == "frames in bfloat16" else frames
        with patch.object(tiles, "_Products", _Bfloat16):
            took, found = timed(lambda: torch.autograd.grad(error(kept), weights))
    elif option == "CUDA graph":
        took, found = timed(graphed(plain))
    elif option == "torch.compile":
        compiled = torch.compile(error)
        took, found = timed(lambda: torch.autograd.grad(compiled(frames), weights))
    else:
        took, found = timed(plain)
    difference = apart(found, expected)
    yield {"ms": took, "times plain": took / usual, "gradient differs by": difference}
