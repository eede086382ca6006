"""Björck's iteration against the polar factor from an SVD; sorting against a loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue.sensitivity.lipschitz.orthonormal import group_sort, orthonormalize

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(12, 7), (7, 12), (9, 9), (5, 1)])
def test_tends_to_the_polar_factor(shape):
    with jax.enable_x64(True):
        w = RNG.normal(size=shape)
        u, s, vt = np.linalg.svd(w, full_matrices=False)
        np.testing.assert_allclose(orthonormalize(jnp.asarray(w), 25), u @ vt, atol=1e-10)
        for k in (1, 4, 8):
            q = np.asarray(orthonormalize(jnp.asarray(w), k))
            values = np.linalg.svd(q, compute_uv=False)
            assert values[0] <= 1 + 1e-14
            assert np.allclose(u.T @ q @ vt.T, np.diag(values))  # the singular vectors stay


def test_the_singular_values_follow_the_scalar_recursion():
    with jax.enable_x64(True):
        s = np.array([4.0, 1.0, 0.2])
        found = np.diag(orthonormalize(jnp.diag(jnp.asarray(s)), 3))
        expected = s / np.sum(s**8) ** (1 / 8)
        for _ in range(3):
            expected = expected * (3 - expected**2) / 2
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_extreme_scales_zero_jit_vmap_and_dtype():
    w = jnp.asarray(RNG.normal(size=(8, 4)), jnp.float32)
    scales = jnp.array([1e-30, 1.0, 1e30])
    many = jax.jit(jax.vmap(lambda scale: orthonormalize(scale * w, 12)))(scales)
    assert many.dtype == jnp.float32
    for q in many:
        np.testing.assert_allclose(q, orthonormalize(w, 12), atol=1e-5)
        np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-5)
    assert not orthonormalize(jnp.zeros((3, 2))).any()
    assert np.isfinite(jax.grad(lambda w: jnp.sum(orthonormalize(w)))(jnp.zeros((3, 2)))).all()


def test_gradient_equals_finite_differences():
    with jax.enable_x64(True):
        w, direction, weight = (jnp.asarray(RNG.normal(size=(5, 3))) for _ in range(3))
        f = lambda w: jnp.sum(weight * orthonormalize(w, 3))  # noqa: E731
        numeric = (f(w + 1e-6 * direction) - f(w - 1e-6 * direction)) / 2e-6
        np.testing.assert_allclose(jnp.sum(jax.grad(f)(w) * direction), numeric, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), group=st.sampled_from([1, 2, 3, 4, 6]))
def test_group_sort_is_a_loop_of_sorts_and_an_isometry(seed, group):
    x, y = np.random.default_rng(seed).normal(size=(2, 3, 12)).astype(np.float32)
    expected = [[z for k in range(0, 12, group) for z in sorted(row[k : k + group])] for row in x]
    np.testing.assert_array_equal(group_sort(jnp.asarray(x), group), expected)
    moved = np.linalg.norm(group_sort(jnp.asarray(x), group) - group_sort(jnp.asarray(y), group))
    assert moved <= np.linalg.norm(x - y) * (1 + 1e-6)  # slope at most one
    jacobian = np.asarray(jax.jacobian(lambda v: group_sort(v, group))(jnp.asarray(x[0])))
    np.testing.assert_array_equal(jacobian @ jacobian.T, np.eye(12))  # a permutation


def test_refuses_bad_input():
    with pytest.raises(ValueError, match=r"group must divide the last axis of x, of shape \(7,\), got 2"):
        group_sort(jnp.ones(7))
    with pytest.raises(ValueError, match="group must be at least 1, got 0"):
        group_sort(jnp.ones(4), 0)
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        orthonormalize(jnp.eye(2), 0)
    with pytest.raises(ValueError, match=r"w must be a non-empty matrix, got shape \(3,\)"):
        orthonormalize(jnp.ones(3))
