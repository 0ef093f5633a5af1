"""Designs on which the lasso is tested, and the optimality conditions it is tested against."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

N_TARGETS = 5


def design(name: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictors (n, p) and targets (n, m) of one kind."""
    rng = np.random.default_rng(seed)
    if name == "var":
        size = 10
        step = 0.5 * np.eye(size) + 0.3 * np.roll(np.eye(size), 1, axis=1)
        x = np.zeros((1001, size))
        for t in range(1, len(x)):
            x[t] = step @ x[t - 1] + rng.standard_normal(size)
        return np.hstack([x[1:-1], x[:-2]]), x[2:, :N_TARGETS]
    n, p = (15, 30) if name == "more variables than samples" else (200, 20)
    z = rng.standard_normal((n, p))
    if name.startswith("collinear"):  # condition number of the columns, its square is that of the Gram matrix
        u, _, v = np.linalg.svd(z, full_matrices=False)
        z = np.sqrt(n) * (u * np.logspace(0, -np.log10(float(name.split()[1])), p)) @ v
    sparse = rng.standard_normal((p, N_TARGETS)) * (rng.random((p, N_TARGETS)) < 0.4)
    return z, z @ sparse + 0.3 * rng.standard_normal((n, N_TARGETS))


def moments(z: np.ndarray, y: np.ndarray, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Gram matrix and covariances."""
    return torch.from_numpy(z.T @ z / len(z)).to(dtype), torch.from_numpy(z.T @ y / len(z)).to(dtype)


def kkt_residual(gram: Tensor, cov: Tensor, a: Tensor, lam: Tensor, weights: float | Tensor = 1.0) -> Tensor:
    """Largest violation of the optimality conditions of each target."""
    gradient = cov - gram @ a
    bound = lam * weights * torch.ones_like(cov)
    off = torch.where(a != 0, gradient - bound * a.sign(), (gradient.abs() - bound).clamp_min(0))
    return off.detach().abs().amax(dim=0)
