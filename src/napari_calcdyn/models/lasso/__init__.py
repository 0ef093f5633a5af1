"""The lasso: exact, differentiable estimates and paths for many targets that share one Gram matrix."""
