"""Sums that some releases of jaxlib compile into wrong numbers on CPUs, against sums done by NumPy or by hand."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue import _reductions
from kexue.sampling import importance_estimate, random_walk, run_chains
from kexue.sensitivity import shapley_exact

ROWS = 40_000  # at 20,000 and at 60,000 rows the faulty release is right
CHOLESKY = np.linalg.cholesky([[1.0, 0.5, 0.2], [0.5, 1.25, 0.3], [0.2, 0.3, 1.2]])
PRECISION = np.linalg.inv(CHOLESKY).astype(np.float32)


@pytest.fixture(autouse=True)
def _optimised():
    """What the compiler does to sums is the question, so it may do all that it does for users."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def test_a_sum_before_a_constant_matrix():
    q = np.random.default_rng(0).standard_normal((512, 3, 3)).astype(np.float32)
    found = jax.jit(lambda q: q.sum(1) @ jnp.ones((3, 4)))(q)
    np.testing.assert_allclose(found, np.repeat(q.sum((1, 2))[:, None], 4, 1), atol=1e-5)


@pytest.mark.parametrize("x64", [False, True])
def test_a_batch_of_sums_of_squares(x64):
    with jax.enable_x64(x64) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64(x64):
        points = np.random.default_rng(0).standard_normal((ROWS, 3)).astype(np.float64 if x64 else np.float32)
        matrix = PRECISION.astype(points.dtype)
        found = jax.jit(jax.vmap(lambda x: jnp.sum((matrix @ x) ** 2)))(points)
    np.testing.assert_allclose(found, ((points @ matrix.T) ** 2).sum(1), rtol=1e-4)


def test_a_random_walk_keeps_the_variances_of_its_target():
    starts = jnp.asarray(np.random.default_rng(0).standard_normal((ROWS, 3)) @ CHOLESKY.T, jnp.float32)
    kernel = random_walk(lambda x: -jnp.sum((PRECISION @ x) ** 2) / 2, 1.0)
    _, trace, _ = run_chains(kernel, jax.random.split(jax.random.key(0), ROWS), starts, 20, thin=20)
    positions = np.asarray(trace)[:, -1]
    # Sums of squares of 40,000 draws scatter by 0.7 per cent.
    np.testing.assert_allclose(positions.var(0), [1, 1.25, 1.2], rtol=0.04)


def test_an_importance_estimate_of_a_covariance():
    draws = jnp.asarray(np.random.default_rng(0).standard_normal((ROWS, 3)) * 1.5, jnp.float32)
    log_weights = jax.jit(jax.vmap(lambda x: -jnp.sum((PRECISION @ x) ** 2) / 2 + jnp.sum(x**2) / 4.5))(draws)
    estimate = importance_estimate(log_weights, draws[:, :1] * draws)
    np.testing.assert_allclose(estimate.mean, [1, 0.5, 0.2], atol=0.05)


def test_shapley_values_of_nine_coordinates():
    def network(x):
        hidden = jnp.maximum(x.reshape(3, 3).sum(0) @ jnp.ones((3, 4)), 0)
        return hidden.sum()

    x = jnp.arange(1.0, 10.0)
    found = shapley_exact(network, x, jnp.zeros(9))
    np.testing.assert_allclose(found.values, 4 * np.arange(1.0, 10.0), rtol=1e-4)
    assert abs(float(found.residual)) < 1e-2


@pytest.mark.parametrize(
    ("jaxlib", "affected"),
    [
        ("0.8.0", False),
        ("0.10.1", False),
        ("0.10.2", True),
        ("0.11.1", True),
        ("0.12.0.dev20260901", True),
        ("0.12.0.1", True),
        ("0.12.1", False),
        ("1.0", False),
        ("unknown", False),
    ],
)
def test_the_releases_are_told_apart(jaxlib, affected):
    assert _reductions.is_affected(jaxlib) is affected


PROGRAM = """
import os, sys
from importlib import metadata
from kexue import _reductions
{before}
right = _reductions.are_right()
import jax, jax.numpy as jnp, numpy as np
q = np.random.default_rng(0).standard_normal((512, 3, 3)).astype(np.float32)
found = np.asarray(jax.jit(lambda q: q.sum(1) @ jnp.ones((3, 4)))(q))
print(right, _reductions.FLAG in os.environ.get("XLA_FLAGS", ""), bool(np.allclose(found, q.sum((1, 2))[:, None], atol=1e-4)))
"""


@pytest.mark.parametrize("before", ["", "import jax; jax.devices()"], ids=["fresh", "too late"])
def test_a_fresh_process_is_put_right_and_a_started_one_is_told(before, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    words = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)], check=True, capture_output=True, text=True
    )
    promised, flagged, right = (word == "True" for word in words.stdout.split())
    affected = _reductions.is_affected(_reductions.version("jaxlib"))
    assert promised is (not affected or not before)
    assert flagged is (affected and not before)
    assert right or not promised
