"""Convex combinations of gradients: ten problems at once beside SciPy's general solver, one after the other.

SciPy gets the Gram matrix and derivatives, in double precision, and what is compared is the direction of ten problems.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from kexue.optimizers.tasks.hulls import cagrad, min_norm

TASKS, SIZE, C = 5, 10_000, 0.5
GRADS = jax.random.normal(jax.random.key(0), (10, TASKS, SIZE)) + 0.1 * jnp.arange(1, TASKS + 1)[:, None]


def simplex(function, slope):
    """Weights at the minimum over the simplex."""
    return minimize(
        function,
        np.full(TASKS, 1 / TASKS),
        jac=slope,
        method="SLSQP",
        bounds=[(0, 1)] * TASKS,
        constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}],
        options={"ftol": 1e-10},
    ).x


def scipy_min_norm(grads):
    def nearest(g):
        gram = (g @ g.T).astype(np.float64) / SIZE
        return simplex(lambda w: w @ gram @ w, lambda w: 2 * gram @ w).astype(g.dtype) @ g

    return np.stack([nearest(g) for g in np.asarray(grads)])


def scipy_cagrad(grads):
    def best(g):
        gram = (g @ g.T).astype(np.float64) / SIZE
        radius = C * np.sqrt(gram.mean())
        w = simplex(
            lambda w: w @ gram.mean(axis=1) + radius * np.sqrt(w @ gram @ w),
            lambda w: gram.mean(axis=1) + radius * gram @ w / np.sqrt(w @ gram @ w),
        )
        return (1 / TASKS + radius * w / np.sqrt(w @ gram @ w)).astype(g.dtype) @ g

    return np.stack([best(g) for g in np.asarray(grads)])


@pytest.mark.benchmark(group="shortest vector in the hull of 5 gradients of 10,000 numbers, 10 times")
@pytest.mark.parametrize(
    "solve",
    [
        pytest.param(jax.jit(jax.vmap(lambda g: min_norm(g).direction)), id="kexue.optimizers.min_norm"),
        pytest.param(scipy_min_norm, id="scipy.optimize.minimize, SLSQP"),
    ],
)
def test_min_norm(measure, solve):
    measure(solve, GRADS, tolerance=1e-4)


@pytest.mark.benchmark(group="CAGrad of 5 gradients of 10,000 numbers, 10 times")
@pytest.mark.parametrize(
    "solve",
    [
        pytest.param(jax.jit(jax.vmap(lambda g: cagrad(g, C).direction)), id="kexue.optimizers.cagrad"),
        pytest.param(scipy_cagrad, id="scipy.optimize.minimize, SLSQP"),
    ],
)
def test_cagrad(measure, solve):
    measure(solve, GRADS, tolerance=1e-3)
