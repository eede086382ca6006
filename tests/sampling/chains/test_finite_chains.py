"""Finite chains against NumPy's eigenvalues, powers of matrices and two-state formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sampling import (
    detailed_balance_residual,
    metropolis_matrix,
    mixing_time,
    spectral_gap,
    stationary_distribution,
)


def problem(n, seed):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n), n)


@pytest.mark.parametrize("rule", ["metropolis", "barker"])
@pytest.mark.parametrize("n", [2, 7])
def test_metropolis_is_stationary_and_reversible(n, rule):
    def solve(pi, q):
        kernel = metropolis_matrix(jnp.log(pi), q, rule=rule)
        return kernel, stationary_distribution(kernel), detailed_balance_residual(kernel, pi)

    with jax.enable_x64(True):
        pi, q = (np.stack(parts) for parts in zip(*(problem(n, seed) for seed in range(30)), strict=True))
        kernels, laws, residuals = map(np.asarray, jax.jit(jax.vmap(solve))(pi, q))
    np.testing.assert_allclose(np.einsum("sx,sxy->sy", pi, kernels), pi, atol=1e-14)
    np.testing.assert_allclose(kernels.sum(2), 1, atol=1e-14)
    np.testing.assert_allclose(laws, pi, rtol=1e-8)
    assert kernels.min() > -1e-15 and residuals.max() < 1e-15


def test_each_entry_by_hand():
    pi, q = problem(5, 0)
    with jax.enable_x64(True):
        kernel = np.asarray(metropolis_matrix(np.log(pi), q))
        barker = np.asarray(metropolis_matrix(np.log(pi), q, rule="barker"))
    for x, y in np.ndindex(5, 5):
        if x != y:
            ratio = pi[y] * q[y, x] / (pi[x] * q[x, y])
            np.testing.assert_allclose(kernel[x, y], q[x, y] * min(1, ratio), rtol=1e-12)
            np.testing.assert_allclose(barker[x, y], q[x, y] * ratio / (1 + ratio), rtol=1e-12)


def test_proposals_without_a_way_back_are_refused_by_the_chain():
    one_way = np.array([[0.0, 1.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]])
    kernel = np.asarray(metropolis_matrix(np.zeros(3, np.float32), one_way.astype(np.float32)))
    np.testing.assert_allclose(kernel, [[1, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]], atol=1e-6)


def test_rate_and_mixing_time():
    pi, q = problem(30, 1)
    with jax.enable_x64(True):
        kernel = np.asarray(metropolis_matrix(np.log(pi), q))
        sizes = np.sort(abs(np.linalg.eigvals(kernel)))
        np.testing.assert_allclose(spectral_gap(kernel), 1 - sizes[-2], rtol=1e-8)
        np.testing.assert_allclose(spectral_gap(kernel, pi), 1 - sizes[-2], rtol=1e-8)
        power, steps = np.eye(30), 0
        while max(abs(power - pi).sum(1)) / 2 > 0.01:
            power, steps = power @ kernel, steps + 1
        assert mixing_time(kernel, pi, 0.01) == steps
        assert mixing_time(kernel, pi, 0.999999) in (0, 1)
    lazy = np.array([[0.98, 0.02], [0.04, 0.96]])
    np.testing.assert_allclose(spectral_gap(lazy), 0.06, rtol=1e-12)
    # From the worst start the distance is 2/3 · 0.94**t
    assert mixing_time(lazy, np.array([2 / 3, 1 / 3])) == int(np.ceil(np.log(0.25 * 1.5) / np.log(0.94)))


def test_under_jit_and_vmap():
    pi, q = zip(*(problem(4, s) for s in range(3)), strict=True)
    pi, q = jnp.asarray(np.stack(pi), jnp.float32), jnp.asarray(np.stack(q), jnp.float32)

    def solve(p, q):
        kernel = metropolis_matrix(jnp.log(p), q)
        return kernel, stationary_distribution(kernel), detailed_balance_residual(kernel, p)

    kernels, laws, residuals = jax.jit(jax.vmap(solve))(pi, q)
    np.testing.assert_allclose(laws, pi, atol=1e-5)
    assert kernels.dtype == jnp.float32 and residuals.max() < 1e-6


def test_numpy_matrices_in_double_precision_are_welcome_without_it():
    pi, q = problem(4, 5)
    kernel = metropolis_matrix(np.log(pi), q)
    assert kernel.dtype == jnp.float32
    np.testing.assert_allclose(stationary_distribution(np.asarray(kernel, float)), pi, atol=1e-5)
    assert detailed_balance_residual(np.asarray(kernel, float), pi) < 1e-6


def test_a_periodic_and_a_falling_apart_chain():
    flip = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(stationary_distribution(flip.astype(np.float32)), [0.5, 0.5], atol=1e-6)
    assert abs(spectral_gap(flip)) < 1e-12 and abs(spectral_gap(np.eye(3))) < 1e-12
    with pytest.raises(ValueError, match="is it reducible or periodic"):
        mixing_time(flip, np.array([0.5, 0.5]))


def test_refusals():
    bad = np.array([[0.5, 0.4], [0.5, 0.5]])
    for call in (
        stationary_distribution,
        spectral_gap,
        lambda k: mixing_time(k, np.ones(2) / 2),
        lambda k: detailed_balance_residual(k, np.ones(2)),
    ):
        with pytest.raises(ValueError, match="kernel must have non-negative rows that sum to 1; one sums to 0.9"):
            call(bad)
        with pytest.raises(ValueError, match="least entry is -0.5"):
            call(np.array([[1.5, -0.5], [0.0, 1.0]]))
        with pytest.raises(ValueError, match=r"square matrix, got shape \(2, 3\)"):
            call(np.ones((2, 3)) / 3)
        with pytest.raises(ValueError, match="one sums to nan"):
            call(np.full((2, 2), np.nan))
    good = np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match="proposal must have non-negative rows"):
        metropolis_matrix(np.zeros(2), bad)
    with pytest.raises(ValueError, match=r"one entry for each of 2 states, got \(3,\)"):
        metropolis_matrix(np.zeros(3), good)
    with pytest.raises(ValueError, match="must be numbers above -inf"):
        metropolis_matrix(np.array([0.0, -np.inf]), good)
    with pytest.raises(ValueError, match="pi must be positive"):
        spectral_gap(good, np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="pi must be in detailed balance"):
        spectral_gap(good, np.array([0.2, 0.8]))
    with pytest.raises(ValueError, match="must be the stationary law"):
        mixing_time(good, np.array([0.2, 0.8]))
    with pytest.raises(ValueError, match=r"distance must be in \(0, 1\), got 1.0"):
        mixing_time(good, np.array([0.5, 0.5]), 1.0)
    with pytest.raises(ValueError, match="one entry for each of 2 states"):
        detailed_balance_residual(good, np.ones(3))
