"""A training step of the AVAE's published network, without and with the weights that it never uses.

The published code gives a whole trace of T samples to torch.nn.LSTM as one step, so 4·T·T recurrent weights meet only
a zero state. The program's network "paper" leaves them out and is the same function. Each of the two is measured in
a process of its own: forward, backward and Adam on one batch, and the peak of resident memory from start to end,
libraries included. A third process gives both the same weights and compares what they answer and learn.

Run ``python benchmarks/avae.py``; ``--quick`` takes shorter traces.
"""

from __future__ import annotations

import argparse
import json
import runpy
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import report

PUBLISHED = Path(__file__).resolve().parent.parent / "tests" / "models" / "published_network.py"
HIDDEN, LATENT, BATCH, BETA = 128, 8, 32, 0.5
NETWORKS = {"ours": "network “paper”", "published": "the same with torch.nn.LSTM"}


def build(which: str, samples: int):  # type: ignore[no-untyped-def]
    """Make a network and a batch of traces."""
    import torch

    from napari_calcdyn.models.avae.networks import PaperNetwork

    torch.manual_seed(0)
    make = PaperNetwork if which == "ours" else runpy.run_path(str(PUBLISHED))["PublishedNetwork"]
    return make(samples, HIDDEN, LATENT), torch.rand(BATCH, samples) - 0.5


def evaluate(network, traces, noise):  # type: ignore[no-untyped-def]
    """Return mean, log variance, reconstruction and loss (Eq. 10) of a batch."""
    from napari_calcdyn.models.avae.objective import kl_divergence

    mean, log_variance = network.encode(traces, traces.isfinite())
    decoded = network.decode(mean + noise * (0.5 * log_variance).exp(), traces.shape[1])
    loss = (traces - decoded).square().sum(dim=1) + BETA * kl_divergence(mean, log_variance)
    return mean, log_variance, decoded, loss.mean()


def train(which: str, samples: int, steps: int) -> dict[str, float]:
    """Time steps in this process; the first, in which Adam makes its buffers, is counted for memory only."""
    import torch

    from napari_calcdyn.jobs.peak_memory import peak_rss_mb

    network, traces = build(which, samples)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    seconds = []
    for _ in range(1 + steps):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        evaluate(network, traces, torch.randn(BATCH, LATENT))[-1].backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    return {
        "parameters": sum(value.numel() for value in network.parameters()),
        "seconds": float(np.median(seconds[1:])),
        "memory": peak_rss_mb() or float("nan"),
        "threads": torch.get_num_threads(),
    }


def compare(samples: int) -> dict[str, float]:
    """Return the largest difference between the two with the same weights, relative to the largest value."""
    import torch

    peer = runpy.run_path(str(PUBLISHED))
    ours, traces = build("ours", samples)
    published, _ = build("published", samples)
    peer["copy_weights"](ours, published)
    noise = torch.randn(BATCH, LATENT)
    answers = [evaluate(network, traces, noise) for network in (ours, published)]
    for *_, loss in answers:
        loss.backward()
    expected, unused = peer["gradients"](published)
    found = {name: parameter.grad for name, parameter in ours.named_parameters()}

    def apart(one: torch.Tensor, other: torch.Tensor) -> float:
        return float((one - other).detach().abs().max() / other.detach().abs().max())

    return {
        "outputs": max(apart(one, other) for one, other in zip(*answers, strict=True)),
        "gradients": max(apart(found[name], expected[name]) for name in expected),
        "gradient of unused weights": max(float(gradient.abs().max()) for gradient in unused.values()),
    }


def in_its_own_process(*arguments: object) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 samples instead of 6,000")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        which, samples, steps = arguments.child[0], *map(int, arguments.child[1:])
        result = compare(samples) if which == "compare" else train(which, samples, steps)
        print(json.dumps(result))
        return
    samples, suffix, option = (1000, "_quick", " --quick") if arguments.quick else (6000, "", "")
    steps = {"ours": 50, "published": 5}
    found = {which: in_its_own_process(which, samples, steps[which]) for which in NETWORKS}
    same = in_its_own_process("compare", samples, 0)
    if max(same["outputs"], same["gradients"]) > 1e-5 or same["gradient of unused weights"] > 0:
        raise SystemExit(f"the networks disagree: {same}")
    ours = found["ours"]
    rows: list[dict[str, object]] = [
        {
            "network": name,
            "parameters (10⁶)": round(found[which]["parameters"] / 1e6, 2),
            "step (ms)": 1e3 * found[which]["seconds"],
            "times ours": round(found[which]["seconds"] / ours["seconds"], 1),
            "peak resident memory (MB)": round(found[which]["memory"]),
            "times ours, memory": round(found[which]["memory"] / ours["memory"], 1),
        }
        for which, name in NETWORKS.items()
    ]
    report.save(
        f"avae_step{suffix}",
        rows,
        command=f"python benchmarks/avae.py{option}",
        notes=f"T = {samples:,}, D1 = {HIDDEN}, D2 = {LATENT}, batch of {BATCH}, float32, {ours['threads']:.0f} "
        f"threads; median of {steps['ours']} and {steps['published']} steps. With the same weights, outputs differ by "
        f"at most {same['outputs']:.1e} and gradients by {same['gradients']:.1e} of the largest value; the gradient "
        "of the weights that only the published network has is zero.",
    )


if __name__ == "__main__":
    main()
