"""Trust ratios against optax.lamb, optax.lars, and the norms that they promise."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import layer_adapt, piecewise_linear, weight_decay, with_schedule


def follow(optimizer, params, gradients):
    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), updates

    def run():
        with jax.numpy_dtype_promotion("standard"):
            return jax.lax.scan(step, (params, optimizer.init(params)), gradients)[1]

    return jax.jit(run)()


@pytest.fixture
def problem():
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        start = {"b": np.zeros(3), "s": np.array(0.7), "w": random.normal(size=(4, 3))}
        yield (
            jax.tree.map(jnp.asarray, start),
            jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=(20, *leaf.shape))), start),
        )


def assert_same(first, second, rtol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-16), first, second)


def test_around_decay_and_adam_it_is_lamb(problem):
    adam = optax.adam(0.01, eps=1e-6)
    ours = follow(layer_adapt(weight_decay(adam, 0.01, 0.1), 0.01), *problem)
    assert_same(ours, follow(optax.lamb(0.01, weight_decay=0.1), *problem), 1e-12)


@pytest.mark.parametrize("mask", [True, {"b": True, "s": False, "w": True}])
def test_around_decay_and_gradient_descent_it_is_lars(problem, mask):
    inner = layer_adapt(weight_decay(optax.sgd(0.3), 0.3, 0.1), 0.3, mask, trust_coefficient=0.02)
    ours = follow(optax.chain(inner, optax.trace(0.9)), *problem)
    lars = optax.lars(0.3, weight_decay=0.1, trust_coefficient=0.02, trust_ratio_mask=mask)
    assert_same(ours, follow(lars, *problem), 1e-12)


def test_every_leaf_moves_by_its_share_whatever_the_gradient(problem):
    start, _ = problem
    start = start | {"b": jnp.ones(3)}
    optimizer = layer_adapt(optax.sgd(0.01), 0.01)
    update = jax.jit(optimizer.update)
    for scale in (1e-30, 1.0, 1e30):
        gradient = jax.tree.map(lambda leaf, scale=scale: scale * (np.asarray(leaf) + 1), start)
        updates, _ = update(gradient, optimizer.init(start), start)
        for u, g, theta in zip(*map(jax.tree.leaves, (updates, gradient, start)), strict=True):
            assert abs(np.linalg.norm(u) / np.linalg.norm(theta) - 0.01) < 1e-15
            assert np.vdot(u, g) < 0


def test_a_schedule_inside_is_divided_out(problem):
    sgd, rho = optax.sgd(0.01), piecewise_linear({0: 1.0, 20: 0.1})
    problem = problem[0]["w"], problem[1]["w"]
    plain = follow(layer_adapt(sgd, 0.01), *problem)
    np.testing.assert_allclose(follow(layer_adapt(with_schedule(sgd, rho), 0.01), *problem), plain, rtol=1e-12)
    outside = follow(with_schedule(layer_adapt(sgd, 0.01), rho), *problem)
    np.testing.assert_allclose(np.linalg.norm(outside[19]) / np.linalg.norm(plain[19]), 0.145, rtol=0.2)


def test_float32_does_not_overflow_in_squares():
    weights, gradient = jnp.array([3e25, 4e25]), jnp.array([0.0, 1e-25])
    optimizer = layer_adapt(optax.sgd(0.01), 0.01)
    update, state = jax.jit(optimizer.update), optimizer.init(weights)
    np.testing.assert_allclose(update(gradient, state, weights)[0], [0, -5e23], rtol=1e-6)
    # Where a norm is zero the factor is one.
    np.testing.assert_allclose(update(gradient, state, jnp.zeros(2))[0], [0, -1e-27], rtol=1e-6)
    assert not update(jnp.zeros(2), state, weights)[0].any()
