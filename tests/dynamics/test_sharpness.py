"""Stability limits and preconditioned curvature against dense eigenvalues."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue.dynamics.sharpness import ema_momentum_threshold, preconditioned_sharpness, rotate_loss


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.95])
def test_threshold_is_where_the_companion_matrix_leaves_the_unit_disc(beta):
    def radius(eta_h):
        # (theta, m) -> (theta - eta m', m'), m' = beta m + (1 - beta) h theta, in units h = 1
        matrix = np.array([[1 - eta_h * (1 - beta), -eta_h * beta], [1 - beta, beta]])
        return np.abs(np.linalg.eigvals(matrix)).max()

    threshold = float(ema_momentum_threshold(beta))
    assert radius(0.999 * threshold) < 1 < radius(1.001 * threshold)


def test_threshold_broadcasts_and_refuses():
    betas = jnp.array([[0.0, 0.9], [0.95, 0.5]])
    np.testing.assert_allclose(ema_momentum_threshold(betas), [[2, 38], [78, 6]], rtol=1e-4)
    np.testing.assert_allclose(jax.jit(jax.vmap(ema_momentum_threshold))(betas), ema_momentum_threshold(betas))
    for beta in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"beta must be in \[0, 1\), got {beta}"):
            ema_momentum_threshold(beta)


def model_loss(params):
    inputs = jnp.cos(jnp.arange(24.0).reshape(8, 3)).astype(params["w"].dtype)
    return jnp.mean((jnp.tanh(inputs @ params["w"]) @ params["v"] - inputs[:, 0]) ** 2)


def trained(dtype, steps=5):
    params = {"w": jnp.sin(jnp.arange(6.0)).reshape(3, 2).astype(dtype), "v": jnp.array([0.3, -0.8], dtype)}
    optimizer = optax.chain(optax.clip(10.0), optax.adam(0.01, eps=1e-4))
    state = optimizer.init(params)

    @jax.jit
    def step(params, state):
        with jax.numpy_dtype_promotion("standard"):  # optax itself is not strict
            update, state = optimizer.update(jax.grad(model_loss)(params), state)
        return optax.apply_updates(params, update), state

    for _ in range(steps):
        params, state = step(params, state)
    return params, state


def dense_eigenvalues(params, state, eps):
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    hessian = np.asarray(jax.jit(jax.hessian(lambda theta: model_loss(unravel(theta))))(flat), float)
    v = np.asarray(jax.flatten_util.ravel_pytree(optax.tree_utils.tree_get(state, "nu"))[0], float) / (1 - 0.999**5)
    return np.sort(np.linalg.eigvals(np.diag(1 / (np.sqrt(v) + eps)) @ hessian).real)


def test_equals_the_dense_eigenvalue_and_its_residual_is_honest():
    with jax.enable_x64(True):
        params, state = trained(jnp.float64)
        eigenvalues = dense_eigenvalues(params, state, 1e-4)

        @partial(jax.jit, static_argnums=0)
        def call(iterations):
            key = jax.random.key(1)
            return preconditioned_sharpness(model_loss, params, state, key=key, eps=1e-4, iterations=iterations)

        full = call(20)  # more than the eight parameters: exact
        np.testing.assert_allclose(full.value, eigenvalues[-1], rtol=1e-9)
        assert full.residual < 1e-6 * eigenvalues[-1]
        for iterations in (1, 2, 4):
            few = call(iterations)
            assert few.value <= eigenvalues[-1] * (1 + 1e-12)
            assert np.abs(eigenvalues - float(few.value)).min() <= float(few.residual) * (1 + 1e-9)


def test_jit_vmap_and_dtype():
    params, state = trained(jnp.float32)
    measure = lambda key: preconditioned_sharpness(model_loss, params, state, key=key, eps=1e-4)  # noqa: E731
    keys = jax.random.split(jax.random.key(0), 3)
    single = jax.jit(measure)
    looped = np.array([single(key).value for key in keys])
    np.testing.assert_allclose(jax.jit(jax.vmap(measure))(keys).value, looped, rtol=1e-4)
    np.testing.assert_allclose(looped, looped[0], rtol=1e-4)  # the eigenvalue does not depend on the start
    eager = measure(keys[0]).value
    assert eager.dtype == jnp.float32
    np.testing.assert_allclose(eager, looped[0], rtol=1e-4)


def test_degenerate_spectrum_ends_the_iteration_early():
    params = jnp.arange(1.0, 6.0)
    state = optax.ScaleByAdamState(jnp.array(1), mu=jnp.ones(5), nu=jnp.full(5, 0.001))
    top = preconditioned_sharpness(lambda theta: 7 * theta @ theta / 2, params, state, key=jax.random.key(0), eps=0.0)
    np.testing.assert_allclose(top.value, 7.0, rtol=1e-5)
    assert float(top.residual) < 1e-3


def test_sharpness_refuses_bad_input():
    params, state = trained(jnp.float32, steps=1)
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        preconditioned_sharpness(model_loss, params, state, key=key, iterations=0)
    with pytest.raises(ValueError, match="b2 must be.*got 1.0"):
        preconditioned_sharpness(model_loss, params, state, key=key, b2=1.0)
    with pytest.raises(ValueError, match="must hold a second moment"):
        preconditioned_sharpness(model_loss, params, optax.sgd(0.1).init(params), key=key)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_gradient_descent_does_not_notice_a_rotation(seed):
    with jax.enable_x64(True):
        q = jax.random.orthogonal(jax.random.key(seed), 3)
        loss = lambda theta: jnp.sum(jnp.cosh(theta * jnp.array([1.0, 2.0, 3.0])))  # noqa: E731
        rotated = rotate_loss(loss, q)
        theta = jnp.array([0.3, -0.2, 0.5])
        np.testing.assert_allclose(rotated(q.T @ theta), loss(theta), rtol=1e-13)
        np.testing.assert_allclose(q @ jax.grad(rotated)(q.T @ theta), jax.grad(loss)(theta), rtol=1e-12, atol=1e-13)


def test_rotation_must_be_orthogonal():
    with pytest.raises(ValueError, match="orthogonal.*1e-5, got 0.02"):
        rotate_loss(jnp.sum, 1.01 * jnp.eye(3))
    with pytest.raises(ValueError, match="orthogonal.*got nan"):
        rotate_loss(jnp.sum, jnp.full((2, 2), jnp.nan))
    values = jax.vmap(lambda q: rotate_loss(lambda theta: theta[0], q)(jnp.array([1.0, 0.0])))(jnp.eye(2)[None])
    np.testing.assert_allclose(values, [1.0])
