"""The recursion that lattices and tag sequences share, against sums of logarithms in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from kexue._chains import log_matmul, max_matmul, messages, weights

rng = np.random.default_rng(0)
WIDE = rng.normal(0, 60, (3, 5)).astype(np.float32)  # further apart than float32's exponents reach
WIDE[1, :2] = -np.inf
MATRIX = rng.uniform(0, 1, (5, 5)).astype(np.float32) * (rng.uniform(size=(5, 5)) < 0.7)


@pytest.mark.parametrize("axis", [0, 1])
def test_products_of_messages_that_are_far_apart(axis):
    with np.errstate(divide="ignore"):
        log_matrix = np.log(MATRIX.astype(float))
    along = log_matrix if axis == 0 else log_matrix.T
    joint = WIDE[:, :, None].astype(float) + along[None]
    np.testing.assert_allclose(log_matmul(jnp.asarray(WIDE), jnp.asarray(MATRIX), axis), logsumexp(joint, 1), rtol=1e-6)
    log_matrix = jnp.log(jnp.asarray(MATRIX))
    np.testing.assert_allclose(max_matmul(jnp.asarray(WIDE), log_matrix, axis), joint.max(1), rtol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_messages_stand_in_the_order_of_the_positions_and_keep_their_scale(reverse):
    first, inputs = jnp.array([1.0, 3.0]), jnp.arange(12.0).reshape(6, 2)
    found, scales = messages(lambda message, given: message + given, first, inputs, reverse=reverse)
    steps = np.asarray(inputs)[::-1] if reverse else np.asarray(inputs)
    sums = np.cumsum(np.concatenate([np.asarray(first)[None], steps]), axis=0)
    np.testing.assert_array_equal(found.max(1), np.zeros(7))
    found, scales = (array[::-1] if reverse else array for array in (np.asarray(found), np.asarray(scales)))
    np.testing.assert_allclose(found + np.cumsum(scales)[:, None], sums)


def test_weights_are_on_a_scale_of_each_row():
    rows = jnp.array([[-1000.0, -1001.0], [-jnp.inf, -jnp.inf], [500.0, -jnp.inf]])
    np.testing.assert_allclose(weights(rows), [[1, np.exp(-1)], [0, 0], [1, 0]], rtol=1e-6)
    assert jax.jit(weights)(rows).dtype == jnp.float32
