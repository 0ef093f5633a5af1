"""Follow the lasso path of a vector autoregression, choose a point on it, and differentiate an estimate.

Run: python examples/lasso_path.py
"""

from __future__ import annotations

import numpy as np
import torch

import napari_calcdyn as cd


def main() -> None:
    rng = np.random.default_rng(0)
    d, n = 12, 1500
    truth = 0.7 * np.eye(d)
    truth[rng.integers(0, d, 10), rng.integers(0, d, 10)] += 0.25  # [target, source]
    truth /= max(1.0, np.abs(np.linalg.eigvals(truth)).max() / 0.95)
    z = np.zeros((n + 1, d))
    for t in range(1, n + 1):
        z[t] = truth @ z[t - 1] + rng.standard_normal(d)
    past, present = torch.from_numpy(z[:-1]), torch.from_numpy(z[1:])

    # The lasso needs only these two matrices.
    gram, cov = past.T @ past / n, past.T @ present / n
    path = cd.lasso_path(gram, cov)
    print(f"Paths have {path.n_knots.min()} to {path.n_knots.max()} knots.")

    # Choose one knot for each target by the extended BIC.
    residual = path.residual_variance(present.square().mean(dim=0))
    size = path.nonzeros()
    criterion = n * residual.log() + size * (np.log(n) + 2 * 0.5 * np.log(d))
    chosen = criterion.nan_to_num(torch.inf).argmin(dim=0)
    coefficients = path.solve(path.penalty_at_knot(chosen))
    found, true = coefficients.T.numpy() != 0, truth != 0
    print(f"EBIC keeps {found.sum()} coefficients, {(found & true).sum()} of the {true.sum()} true ones.")

    # Differentiate the prediction error with respect to the data, through the estimate.
    past = past.clone().requires_grad_()
    gram, cov = past.T @ past / n, past.T @ present / n
    a = cd.solve_lasso(gram, cov, 0.1 * cd.lambda_max(gram, cov), warm_start=coefficients)
    error = (present - past @ a).square().mean()
    error.backward()
    print(f"Prediction error {error.item():.3f}; its gradient has norm {past.grad.norm().item():.2e}.")


if __name__ == "__main__":
    main()
