"""Lookahead against optax.lookahead, its two trivial cases and a NumPy loop."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import lookahead, slow_params


def follow(optimizer, start, gradients):
    def step(carry, gradient):
        params, state = carry
        updates, state = optimizer.update(gradient + params, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), (params, slow_params(state))

    def run():
        with jax.numpy_dtype_promotion("standard"):
            return jax.lax.scan(step, (start, optimizer.init(start)), gradients)[1]

    return jax.jit(run)()


@pytest.fixture(scope="module")
def gradients():
    return np.random.default_rng(0).normal(size=(40, 3))


def test_equals_optax_lookahead(gradients):
    with jax.enable_x64(True):
        inner, start = optax.adam(0.1), jnp.arange(3.0)
        fast, slow = follow(lookahead(inner, 5, 0.3), start, jnp.asarray(gradients))
        theirs = optax.lookahead(inner, 5, 0.3)

        def step(carry, gradient):
            params, state = carry
            updates, state = theirs.update(gradient + params.fast, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        def run():
            with jax.numpy_dtype_promotion("standard"):
                pair = optax.LookaheadParams(fast=start, slow=start)
                return jax.lax.scan(step, (pair, theirs.init(pair)), jnp.asarray(gradients))[1]

        expected = jax.jit(run)()
    fast, slow = np.asarray(fast), np.asarray(slow)
    np.testing.assert_allclose(fast, expected.fast, rtol=1e-12)
    np.testing.assert_allclose(slow, expected.slow, rtol=1e-12)
    np.testing.assert_array_equal(fast[4::5], slow[4::5])  # to the last bit
    assert np.all(slow[:4] == np.arange(3))


def test_against_the_paper_as_two_loops(gradients):
    slow = fast = np.arange(3.0)
    path = []
    for _ in range(8):
        for g in gradients[len(path) : len(path) + 5]:
            fast = fast - 0.1 * (g + fast)
            path.append(fast)
        slow = slow + 0.5 * (fast - slow)
        fast = path[-1] = slow
    ours = follow(lookahead(optax.sgd(0.1)), jnp.arange(3.0), jnp.asarray(gradients, jnp.float32))[0]
    np.testing.assert_allclose(ours, np.stack(path), atol=2e-6)


def test_a_full_slow_step_changes_no_bit_and_every_step_is_a_smaller_rate(gradients):
    start, g = jnp.arange(3.0), jnp.asarray(gradients, jnp.float32)
    inner = optax.sgd(0.1, momentum=0.9)
    plain, full = follow(lookahead(inner, 7, 1.0), start, g)
    np.testing.assert_array_equal(plain, follow(lookahead(inner, 1000), start, g)[0])
    np.testing.assert_array_equal(full[6::7], plain[6::7])
    half = follow(lookahead(optax.sgd(0.1), 1, 0.5), start, g)[0]
    np.testing.assert_allclose(half, follow(lookahead(optax.sgd(0.05), 1, 1.0), start, g)[0], atol=1e-6)


def test_bfloat16_weights_are_synchronised_to_the_last_bit(gradients):
    start = jnp.array([1.0, 100.0, -3.0], jnp.bfloat16)
    fast, slow = follow(lookahead(optax.sgd(0.1), 3, 0.7), start, jnp.asarray(gradients, jnp.bfloat16))
    assert fast.dtype == slow.dtype == jnp.bfloat16
    np.testing.assert_array_equal(fast[2::3], slow[2::3])


def test_a_nan_on_the_way_is_not_spread_by_the_slow_weights():
    optimizer = lookahead(optax.identity(), 3)
    start = jnp.array(1.0)
    _, state = optimizer.update(jnp.array(jnp.nan), optimizer.init(start), start)
    assert slow_params(state) == 1
