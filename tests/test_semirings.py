"""The two ways of joining paths, against SciPy, with their gradients where nothing is possible or much is equal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from kexue._semirings import COUNT, LOG, MAX

VALUES = np.random.default_rng(0).normal(0, 30, (3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sums_over_any_axis(axis):
    np.testing.assert_allclose(LOG.sum(jnp.asarray(VALUES), axis), logsumexp(VALUES, axis), rtol=1e-6)
    np.testing.assert_array_equal(MAX.sum(jnp.asarray(VALUES), axis), VALUES.max(axis))


def test_gradients_are_the_shares_of_the_paths():
    row = jnp.asarray(VALUES[0, 0])
    np.testing.assert_allclose(jax.grad(LOG.sum)(row), softmax(VALUES[0, 0]), rtol=1e-5, atol=1e-30)
    np.testing.assert_array_equal(jax.grad(MAX.sum)(jnp.array([1.0, 3.0, 3.0, 2.0])), [0, 1, 0, 0])


def test_the_impossible_has_no_gradient():
    nothing = jnp.full((2, 3), -jnp.inf).at[1, 2].set(-5000.0)
    np.testing.assert_array_equal(LOG.sum(nothing, 1), [-np.inf, -5000.0])
    slopes = jax.grad(lambda v: jnp.where(jnp.isfinite(v.max(1)), LOG.sum(v, 1), 0).sum())(nothing)
    np.testing.assert_array_equal(slopes, [[0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("semiring", [LOG, MAX, COUNT])
def test_no_path_and_the_empty_path_are_neutral(semiring):
    values = jnp.asarray([0.5, 2.0, 3.0])
    zero, one = jnp.full(1, semiring.zero), jnp.full(1, semiring.one)
    np.testing.assert_array_equal(semiring.sum(jnp.stack([values, jnp.tile(zero, 3)]), axis=0), values)
    np.testing.assert_array_equal(semiring.times(values, one), values)
    np.testing.assert_array_equal(semiring.times(values, zero), jnp.tile(zero, 3))
    joined = semiring.sum(jnp.stack([values, values[::-1]]), axis=0)  # and ⊗ distributes over ⊕
    apart = semiring.sum(
        jnp.stack([semiring.times(values, values[:1]), semiring.times(values[::-1], values[:1])]), axis=0
    )
    np.testing.assert_allclose(semiring.times(joined, values[:1]), apart, rtol=1e-6)
