"""Shapley values against all permutations, one by one."""

import itertools
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue import sensitivity
from kexue.sensitivity import integrated_gradients, shapley_exact, staircase_attribution


def by_permutations(function, x, base):
    """The definition: the mean over all orders of what each coordinate changes when it joins."""
    total = np.zeros_like(x)
    orders = list(itertools.permutations(range(len(x))))
    for order in orders:
        point = base.copy()
        for i in order:
            before = function(point)
            point[i] = x[i]
            total[i] += function(point) - before
    return total / len(orders)


def crooked(x):
    """No symmetry: every coordinate has another part."""
    np_ = np if isinstance(x, np.ndarray) else jnp
    return np_.sin(x[0] * x[1]) + x[2] ** 2 * x[3] - np_.maximum(x[4], x[0]) + x[1] ** 3


X, BASE = np.array([1.0, -0.7, 1.6, 0.4, 0.8]), np.array([0.2, 0.5, -0.3, 1.1, 0.0])


@pytest.mark.parametrize("chunk", [None, 1, 5, 32, 100])
def test_against_all_permutations(chunk):
    with jax.enable_x64(True):
        result = shapley_exact(crooked, jnp.asarray(X), jnp.asarray(BASE), chunk=chunk)
        np.testing.assert_allclose(result.values, by_permutations(crooked, X, BASE), atol=1e-13)
        assert result.evaluations == 32 and abs(result.residual) < 1e-13


def test_mean_of_the_staircases():
    with jax.enable_x64(True):
        x, base = jnp.asarray(X), jnp.asarray(BASE)
        orders = np.array(list(itertools.permutations(range(5))))
        climb = jax.jit(lambda order: staircase_attribution(crooked, x, base, order).values)
        stairs = jax.vmap(climb)(orders)
        np.testing.assert_allclose(stairs.mean(0), jax.jit(partial(shapley_exact, crooked))(x, base).values, atol=1e-13)
        for order in (orders[17], orders[101]):
            point, by_hand = BASE.copy(), np.zeros(5)
            for i in order:
                before = crooked(point)
                point[i] = X[i]
                by_hand[i] = crooked(point) - before
            np.testing.assert_allclose(climb(order), by_hand, atol=1e-14)


def test_known_games():
    shapley_exact = eqx.filter_jit(sensitivity.shapley_exact)
    one, zero = jnp.ones(2), jnp.zeros(2)
    product = lambda x: x[0] ** 2 * x[1]  # noqa: E731
    np.testing.assert_allclose(shapley_exact(product, one, zero).values, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(integrated_gradients(product, one, zero, nodes=3).values, [2 / 3, 1 / 3], rtol=1e-6)
    x = jnp.array([1.0, 3.0])
    np.testing.assert_allclose(shapley_exact(jnp.min, x, zero).values, [0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(shapley_exact(jnp.max, x, zero).values, [0.5, 2.5], rtol=1e-6)
    glove = lambda x: jnp.minimum(x[0], x[1] + x[2])  # noqa: E731
    np.testing.assert_allclose(shapley_exact(glove, jnp.ones(3), jnp.zeros(3)).values, [4 / 6, 1 / 6, 1 / 6], rtol=1e-5)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_symmetry_dummy_and_linearity(seed):
    rng = np.random.default_rng(seed)
    x, weights = jnp.asarray(rng.normal(size=4), jnp.float32), jnp.asarray(rng.normal(size=4), jnp.float32)
    base, order = jnp.zeros(4), rng.permutation(4)
    game = lambda x: jnp.sin(x[0] * x[1]) + x[2] * x[0]  # noqa: E731 (coordinate 3 is a dummy)
    shapley_exact = eqx.filter_jit(sensitivity.shapley_exact)
    phi = shapley_exact(game, x, base).values
    assert abs(phi[3]) < 1e-6
    renamed = shapley_exact(lambda y: game(y[np.argsort(order)]), x[order], base).values
    np.testing.assert_allclose(renamed, phi[order], atol=1e-6)
    both = shapley_exact(lambda x: game(x) + 2 * weights @ x, x, base).values
    np.testing.assert_allclose(both, phi + 2 * weights * x, atol=1e-5)


def test_batches_and_bad_subsets():
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(6, 5)), jnp.float32)
    together = jax.jit(jax.vmap(lambda x: shapley_exact(crooked, x, jnp.zeros(5)).values))(xs)
    np.testing.assert_allclose(
        together[4], by_permutations(crooked, np.asarray(xs[4]), np.zeros(5, np.float32)), atol=1e-5
    )
    bad = shapley_exact(lambda x: jnp.sum(x) / (x[0] + (1 - x[1])), jnp.ones(3), jnp.zeros(3))
    assert bad.nonfinite == 0b010 and not np.isfinite(bad.values).all()
    bad = staircase_attribution(lambda x: 1 / (x[0] + (1 - x[1])), jnp.ones(2), jnp.zeros(2), np.array([1, 0]))
    assert bad.nonfinite == 1


def test_refusals():
    with pytest.raises(ValueError, match=r"at most 16 coordinates, got 17: 2\*\*17 subsets"):
        shapley_exact(jnp.sum, jnp.ones(17), jnp.zeros(17))
    assert shapley_exact(jnp.sum, jnp.ones(16), jnp.zeros(16), chunk=4_096).values.shape == (16,)
    with pytest.raises(ValueError, match="chunk must be at least 1, got 0"):
        shapley_exact(jnp.sum, jnp.ones(2), jnp.zeros(2), chunk=0)
    for wrong in (jnp.ones(()), jnp.ones((2, 2)), jnp.ones(0)):
        with pytest.raises(ValueError, match="x must be a vector of at least one coordinate"):
            shapley_exact(jnp.sum, wrong, wrong)
    x, base = jnp.ones(3), jnp.zeros(3)
    with pytest.raises(ValueError, match=r"order must have shape \(3,\), got \(2,\)"):
        staircase_attribution(jnp.sum, x, base, np.arange(2))
    with pytest.raises(ValueError, match=r"order must be a permutation of 0 … 2, got \[0, 0, 2\]"):
        staircase_attribution(jnp.sum, x, base, np.array([0, 0, 2]))
