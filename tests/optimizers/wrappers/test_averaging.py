"""Averaged weights against optax.ema of the same weights, and the sum that defines them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import average, averaged_params


def follow(optimizer, start, gradients):
    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        params = optax.apply_updates(carry[0], updates)
        return (params, state), (params, averaged_params(state))

    return jax.jit(lambda: jax.lax.scan(step, (start, optimizer.init(start)), gradients)[1])()


@pytest.mark.parametrize("decay", [0.0, 0.9])
@pytest.mark.parametrize("bias_correction", [True, False])
def test_equals_optax_ema(decay, bias_correction):
    with jax.enable_x64(True):
        gradients = np.random.default_rng(0).normal(size=(30, 4))
        optimizer = average(optax.sgd(0.1), decay, bias_correction=bias_correction)
        weights, averages = follow(optimizer, jnp.ones(4), jnp.asarray(gradients))
    np.testing.assert_allclose(weights, 1 - 0.1 * np.cumsum(gradients, axis=0), rtol=1e-12)  # only watched

    w = np.asarray(weights)
    for t in (1, 2, 30):
        past = decay ** np.arange(t)[::-1]
        expected = past @ w[:t] / past.sum() if bias_correction else (1 - decay) * past @ w[:t] + decay**t
        np.testing.assert_allclose(averages[t - 1], expected, rtol=1e-10)
    if bias_correction:
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            ema = optax.ema(decay)
            scanned = jax.lax.scan(lambda s, x: ema.update(x, s)[::-1], ema.init(weights[0]), weights)[1]
        np.testing.assert_allclose(averages, scanned, rtol=1e-10)


def test_float32_is_right_also_for_slow_averages():
    ramp = -jnp.ones(1000)
    _, averages = follow(average(optax.sgd(1.0), 0.9999), jnp.array(0.0), ramp)
    past = 0.9999 ** np.arange(1000)[::-1]
    np.testing.assert_allclose(averages[-1], past @ np.arange(1, 1001) / past.sum(), rtol=1e-5)


def test_bfloat16_weights_are_averaged_in_float32():
    start = jnp.array(1.0, jnp.bfloat16)
    _, averages = follow(average(optax.identity(), 0.999, bias_correction=False), start, jnp.ones(50, jnp.bfloat16))
    assert averages.dtype == jnp.float32
    weights = np.minimum(np.arange(2, 52), 256.0)
    past = 0.999 ** np.arange(50)[::-1]
    np.testing.assert_allclose(averages[-1], 0.001 * past @ weights + 0.999**50, rtol=1e-5)
