"""Power iteration and products-only bounds against dense singular values."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue.sensitivity.norms.estimates import operator_norm, operator_norm_bound, power_iteration

RNG = np.random.default_rng(0)
W = jnp.asarray(RNG.normal(size=(6, 4)), jnp.float32)
SINGULAR = np.linalg.svd(np.asarray(W, float), compute_uv=False)


def gapped(ratio, n=8):
    q = lambda: np.linalg.qr(RNG.normal(size=(n, n)))[0]  # noqa: E731
    return q() @ np.diag(np.concatenate([[1, ratio], 0.1 * ratio * np.ones(n - 2)])) @ q().T


def test_converges_from_below_with_unit_vectors():
    last = 0.0
    for steps in (1, 3, 10, 60):
        sigma, u, v = power_iteration(W, jnp.ones(6), steps)
        assert last - 1e-6 <= sigma <= SINGULAR[0] * (1 + 1e-6)
        np.testing.assert_allclose([np.linalg.norm(u), np.linalg.norm(v)], 1, rtol=1e-6)
        np.testing.assert_allclose(u @ W @ v, sigma, rtol=1e-5)
        last = float(sigma)
    np.testing.assert_allclose(sigma, SINGULAR[0], rtol=1e-6)
    np.testing.assert_allclose(np.outer(u, v), np.outer(*first_pair(W)), atol=1e-4)


def first_pair(w):
    u, _, vt = np.linalg.svd(np.asarray(w, float))
    return u[:, 0], vt[0]


def test_a_warm_start_continues_where_it_stopped():
    _, u, _ = power_iteration(W, jnp.ones(6), 3)
    np.testing.assert_allclose(power_iteration(W, u, 4)[0], power_iteration(W, jnp.ones(6), 7)[0], rtol=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 0.8])
def test_error_falls_like_the_fourth_power_of_the_gap(ratio):
    with jax.enable_x64(True):
        w = jnp.asarray(gapped(ratio))
        start = jnp.asarray(RNG.normal(size=8))
        errors = [1 - float(power_iteration(w, start, r)[0]) for r in (4, 5)]
        np.testing.assert_allclose(errors[1] / errors[0], ratio**4, rtol=0.1)


def test_a_start_orthogonal_to_the_first_vector_stays_there():
    w = jnp.diag(jnp.array([3.0, 1.0]))
    assert power_iteration(w, jnp.array([0.0, 1.0]), 50)[0] == 1


def test_gradient_is_u_v_and_no_gradient_flows_through_the_vectors():
    gradient = jax.grad(lambda w: power_iteration(w, jnp.ones(6), 60)[0])(W)
    np.testing.assert_allclose(gradient, np.outer(*first_pair(W)), atol=1e-4)
    sigma, u, v = power_iteration(W, jnp.ones(6), 2)
    np.testing.assert_allclose(jax.grad(lambda w: power_iteration(w, jnp.ones(6), 2)[0])(W), np.outer(u, v), rtol=1e-5)
    assert not np.any(jax.grad(lambda w: jnp.sum(power_iteration(w, jnp.ones(6), 2)[1]))(W))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_extreme_scales_and_zero(scale):
    sigma, _, _ = power_iteration(scale * W, jnp.ones(6), 60)
    np.testing.assert_allclose(sigma, scale * SINGULAR[0], rtol=1e-5)
    sigma, u, v = power_iteration(jnp.zeros((3, 2)), jnp.ones(3))
    assert sigma == 0 and not u.any() and not v.any()
    assert np.isfinite(jax.grad(lambda w: power_iteration(w, jnp.ones(3))[0])(jnp.zeros((3, 2)))).all()


def test_power_iteration_under_jit_and_vmap_keeps_the_dtype():
    stack = jnp.stack([W, 2 * W, -W])
    many = jax.jit(jax.vmap(lambda w: power_iteration(w, jnp.ones(6), 60)[0]))(stack)
    np.testing.assert_allclose(many, SINGULAR[0] * np.array([1, 2, 1]), rtol=1e-5)
    with jax.enable_x64(True):
        assert power_iteration(W.astype(jnp.float64), jnp.ones(6))[0].dtype == jnp.float64


def test_refuses_bad_input():
    with pytest.raises(ValueError, match=r"u must have one entry for each row of w, shape \(6,\), got \(4,\)"):
        power_iteration(W, jnp.ones(4))
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        power_iteration(W, jnp.ones(6), 0)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        operator_norm(lambda x: x, jnp.ones(2), 0)
    with pytest.raises(ValueError, match="linear_fn must map zero to zero, got an entry 1"):
        operator_norm(lambda x: x + 1, jnp.ones(2))
    with pytest.raises(ValueError, match="x0 must hold floating-point numbers, got int32"):
        operator_norm(lambda x: x, jnp.arange(3))
    for failure in (0.0, 1.0, -1.0):
        with pytest.raises(ValueError, match=rf"failure must be in \(0, 1\), got {failure}"):
            operator_norm_bound(lambda x: x, jnp.ones(2), jax.random.key(0), failure=failure)


def test_operator_norm_of_a_matrix_and_of_a_pytree_function():
    np.testing.assert_allclose(operator_norm(lambda x: W @ x, jnp.ones(4), 60), SINGULAR[0], rtol=1e-5)

    def blocks(x):
        return {"p": 2 * x["a"] + x["b"][0], "q": jnp.stack([x["b"][1] - x["a"]])}

    columns = [jax.tree.leaves(blocks({"a": jnp.array(e[0]), "b": jnp.array(e[1:])})) for e in np.eye(3, dtype="f4")]
    dense = np.array([np.concatenate([np.ravel(leaf) for leaf in column]) for column in columns]).T
    found = jax.jit(lambda: operator_norm(blocks, {"a": jnp.array(1.0), "b": jnp.array([0.3, 0.2])}))()
    np.testing.assert_allclose(found, np.linalg.norm(dense, 2), rtol=1e-5)


def test_operator_norm_of_a_jacobian():
    f, x = lambda x: jnp.tanh(W @ x), jnp.array([0.1, -0.2, 0.3, 0.4])
    dense = np.asarray(jax.jacobian(f)(x))
    found = operator_norm(jax.linearize(f, x)[1], jnp.ones(4))
    np.testing.assert_allclose(found, np.linalg.norm(dense, 2), rtol=1e-4)


@partial(jax.jit, static_argnames=("failure", "steps"))
@partial(jax.vmap, in_axes=(0, None, 0, None))
def _bounds(w, failure, key, steps):
    return operator_norm_bound(lambda x: w @ x, w[0], key, steps=steps, failure=failure)


def bounds_of(stack, failure, keys, steps=64):
    return np.asarray(_bounds(jnp.asarray(stack), failure, keys, steps))


def test_bound_holds_and_is_tight_in_float64():
    with jax.enable_x64(True):
        stack = np.stack([RNG.normal(size=(80, 80)), np.diag(np.linspace(0, 1, 80)), np.ones((80, 80)), np.eye(80)])
        stack = np.concatenate([stack, np.zeros((1, 80, 80)), 1e-100 * stack[:1], 1e100 * stack[:1]])
        truth = np.linalg.svd(stack, compute_uv=False)[:, 0]
        bound = bounds_of(stack, 1e-6, jax.random.split(jax.random.key(0), len(stack)))
        assert np.all(bound >= truth)
        np.testing.assert_allclose(bound, truth, rtol=2e-6)
        assert bound.dtype == np.float64


def test_few_steps_give_an_honest_and_looser_bound():
    with jax.enable_x64(True):
        w = RNG.normal(size=(60, 60))
        truth = np.linalg.svd(w, compute_uv=False)[0]
        keys = jax.random.split(jax.random.key(1), 50)
        loose = bounds_of(np.tile(w, (50, 1, 1)), 1e-3, keys, steps=6)
        assert np.all(loose >= truth) and np.all(loose < 2.5 * truth)
        assert np.median(loose) > np.median(bounds_of(np.tile(w, (50, 1, 1)), 1e-3, keys, steps=20))


def test_float32_pays_for_its_rounding():
    stack = jnp.asarray(RNG.normal(size=(5, 40, 40)), jnp.float32)
    truth = np.linalg.svd(np.asarray(stack, float), compute_uv=False)[:, 0]
    bound = bounds_of(stack, 1e-2, jax.random.split(jax.random.key(2), 5))
    assert np.all(bound >= truth) and np.all(bound < 1.2 * truth) and bound.dtype == np.float32


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), failure=st.sampled_from([0.5, 0.1]))
def test_failures_are_no_more_frequent_than_stated(seed, failure):
    """A single dominant direction among 30, and one step: the case in which the start decides everything."""
    with jax.enable_x64(True):
        w = np.diag(np.concatenate([[1.0], 0.9 * np.ones(29)]))
        keys = jax.random.split(jax.random.key(seed), 400)
        failures = np.mean(bounds_of(np.tile(w, (400, 1, 1)), failure, keys, steps=1) < 1)
    assert failures <= failure + 3 * (failure * (1 - failure) / 400) ** 0.5
