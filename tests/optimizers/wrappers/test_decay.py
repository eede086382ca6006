"""Decoupled decay against optax.adamw, closed forms without a data gradient, and the L2 penalty that it is not."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import piecewise_linear, weight_decay, with_schedule

STEPS = 50


def follow(optimizer, params, gradients, penalty=0.0):
    """The weights after each step, with the gradient of an L2 penalty on top."""

    def step(carry, gradient):
        gradient = jax.tree.map(lambda g, p: g + penalty * p, gradient, carry[0])
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        params = optax.apply_updates(carry[0], updates)
        return (params, state), params

    def run():
        with jax.numpy_dtype_promotion("standard"):
            return jax.lax.scan(step, (params, optimizer.init(params)), gradients)[1]

    return jax.jit(run)()


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        yield (
            {"b": jnp.asarray(random.normal(size=3)), "w": jnp.asarray(random.normal(size=(4, 3)))},
            {"b": jnp.asarray(random.normal(size=(STEPS, 3))), "w": jnp.asarray(random.normal(size=(STEPS, 4, 3)))},
        )


def difference(first, second):
    return max(np.abs(a - b).max() for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True))


def matrices(tree):
    return jax.tree.map(lambda leaf: leaf.ndim > 1, tree)


@pytest.mark.parametrize("mask", [None, {"b": False, "w": True}, matrices])
def test_around_adam_it_is_adamw(problem, mask):
    ours = follow(weight_decay(optax.adam(0.02), 0.02, 0.3, mask), *problem)
    assert difference(ours, follow(optax.adamw(0.02, weight_decay=0.3, mask=mask), *problem)) < 1e-14


def test_the_schedule_goes_around_the_decay(problem):
    rho = piecewise_linear({10: 1.0, STEPS: 0.1})
    theirs = follow(optax.adamw(lambda count: 0.05 * rho(count), weight_decay=0.5), *problem)
    adam = optax.adam(0.05)
    assert difference(follow(with_schedule(weight_decay(adam, 0.05, 0.5), rho), *problem), theirs) < 1e-14
    assert difference(follow(weight_decay(with_schedule(adam, rho), 0.05, 0.5), *problem), theirs) > 0.01


def test_without_data_it_is_a_power_and_the_penalty_is_sign_descent(problem):
    start, zeros = jnp.array([1.0, -0.5]), jnp.zeros((STEPS, 2))
    rate, displacements = 1e-3, []
    for decay in (1e-3, 0.1):
        decoupled = follow(weight_decay(optax.adam(rate), rate, decay), start, zeros)
        expected = np.outer((1 - rate * decay) ** np.arange(1, STEPS + 1), start)
        np.testing.assert_allclose(decoupled, expected, rtol=1e-14)
        displacements.append(follow(optax.adam(rate), start, zeros, penalty=decay)[-1] - start)
    np.testing.assert_allclose(displacements[0], -rate * STEPS * np.sign(start), rtol=0.02)
    np.testing.assert_allclose(displacements[0], displacements[1], rtol=1e-4)


def test_only_without_momentum_are_decay_and_penalty_one(problem):
    def apart(momentum):
        inner = optax.sgd(0.1, momentum=momentum)
        return difference(follow(weight_decay(inner, 0.1, 0.3), *problem), follow(inner, *problem, penalty=0.3))

    assert apart(None) < 1e-14
    assert apart(0.9) > 0.1


def test_bfloat16_is_rounded_once():
    weights = jnp.array([1.0, -3.0], jnp.bfloat16)
    gradient = jnp.array([0.25, 0.125], jnp.bfloat16)
    optimizer = weight_decay(optax.sgd(1.0), jnp.float32(0.3), np.float64(0.01))
    updates, _ = optimizer.update(gradient, optimizer.init(weights), weights)
    exact = -np.array([0.25, 0.125]) - 0.003 * np.array([1.0, -3.0])
    np.testing.assert_array_equal(updates, jnp.asarray(exact, jnp.bfloat16))
