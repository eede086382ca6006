"""Stationary covariances against SciPy's Lyapunov solver, moments by brute force, and chains."""

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov

from kexue.dynamics import langevin, minibatch_stationary_cov, sgd_stationary_cov


def problem(dim, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, dim, dim))
    return a @ a.T / dim + 0.1 * np.eye(dim), b @ b.T / dim


def by_lyapunov(hessian, noise, rate, momentum):
    d, eye = len(hessian), np.eye(len(hessian))
    companion = np.block([[(1 + momentum) * eye - rate * hessian, -momentum * eye], [eye, np.zeros((d, d))]])
    forcing = np.zeros((2 * d, 2 * d))
    forcing[:d, :d] = rate**2 * noise
    return solve_discrete_lyapunov(companion, forcing)[:d, :d]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.floats(0.02, 0.95), st.floats(-0.8, 0.97), st.integers(0, 10**6))
def test_sgd_stationary_cov_solves_the_lyapunov_equation(dim, fraction, momentum, seed):
    hessian, noise = problem(dim, seed)
    rate = fraction * 2 * (1 + momentum) / np.linalg.eigvalsh(hessian)[-1]
    with jax.enable_x64(True):
        sigma = sgd_stationary_cov(jnp.asarray(hessian), jnp.asarray(noise), rate, momentum)
    expected = by_lyapunov(hessian, noise, rate, momentum)
    np.testing.assert_allclose(sigma, expected, atol=1e-7 * np.abs(expected).max())


def test_single_precision_suffices_for_a_tiny_learning_rate():
    hessian, noise = problem(4, 1)
    sigma = sgd_stationary_cov(jnp.asarray(hessian, jnp.float32), jnp.asarray(noise, jnp.float32), 1e-6, 0.9)
    assert sigma.dtype == jnp.float32
    expected = by_lyapunov(hessian, noise, 1e-6, 0.9)
    np.testing.assert_allclose(sigma, expected, atol=2e-5 * np.abs(expected).max())


def test_unstable_learning_rate():
    hessian = jnp.diag(jnp.array([1.0, 4.0]))
    with pytest.raises(ValueError, match="learning_rate must make 0 < .* got products from 0.6 to 2.4"):
        sgd_stationary_cov(hessian, jnp.eye(2), 0.6)
    assert jnp.isnan(jax.jit(sgd_stationary_cov)(hessian, jnp.eye(2), 0.6)).all()
    assert jnp.isfinite(jax.jit(sgd_stationary_cov)(hessian, jnp.eye(2), 0.4)).all()


def test_sgd_stationary_cov_under_vmap():
    hessian, noise = (jnp.asarray(m, jnp.float32) for m in problem(3, 2))
    rates = jnp.array([0.1, 0.3])
    together = jax.vmap(lambda r: sgd_stationary_cov(hessian, noise, r, 0.5))(rates)
    alone = jnp.stack([sgd_stationary_cov(hessian, noise, float(r), 0.5) for r in rates])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_minibatch_cov_is_a_fixed_point_over_all_batches():
    """One step of the second moment, averaged over every pair of rows, leaves it where it is."""
    rng = np.random.default_rng(0)
    inputs, targets, rate = rng.normal(size=(6, 2)), rng.normal(size=6), 0.3
    optimum = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    residuals = inputs @ optimum - targets
    with jax.enable_x64(True):
        sigma = np.asarray(minibatch_stationary_cov(jnp.asarray(inputs), jnp.asarray(residuals), rate, 2))
    after = np.zeros((2, 2))
    for i in range(6):
        for j in range(6):
            a = np.eye(2) - rate * (np.outer(inputs[i], inputs[i]) + np.outer(inputs[j], inputs[j])) / 2
            b = rate * (inputs[i] * residuals[i] + inputs[j] * residuals[j]) / 2
            after += (a @ sigma @ a.T + np.outer(b, b)) / 36  # the mean deviation is zero: no cross terms
    np.testing.assert_allclose(after, sigma, atol=1e-12)
    assert np.linalg.eigvalsh(sigma)[0] > 0


def test_minibatch_cov_tends_to_the_additive_one():
    inputs = jax.random.normal(jax.random.key(0), (50, 3))
    residuals = jax.random.normal(jax.random.key(1), (50,))
    residuals = residuals - inputs @ jnp.linalg.lstsq(inputs, residuals)[0]
    noise = (inputs * residuals[:, None]).T @ (inputs * residuals[:, None]) / 50
    run = jax.jit(minibatch_stationary_cov, static_argnums=3)
    rate, batch = 1e-3, 10
    np.testing.assert_allclose(
        run(inputs, residuals, rate, batch),
        sgd_stationary_cov(inputs.T @ inputs / 50, noise / batch, rate),
        rtol=0.02,
        atol=1e-7,
    )


def test_langevin_reaches_the_exact_covariance():
    hessian, temperature, rate = jnp.diag(jnp.array([1.0, 4.0])), 0.7, 0.3
    ends = langevin(lambda x: 0.5 * x @ hessian @ x, jax.random.key(0), jnp.ones((20_000, 2)), rate, temperature, 200)
    expected = sgd_stationary_cov(hessian, 2 * temperature / rate * jnp.eye(2), rate)
    np.testing.assert_allclose(jnp.cov(ends.T), expected, atol=0.03)  # 4 standard errors of the larger entry
    np.testing.assert_allclose(ends.mean(axis=0), 0.0, atol=0.03)


def test_langevin_without_noise_is_gradient_descent():
    ends = langevin(lambda x: 0.5 * jnp.sum(x**2), jax.random.key(0), jnp.ones((2, 3)), 0.1, 0.0, 5)
    np.testing.assert_allclose(ends, 0.9**5, rtol=1e-6)


def test_langevin_jit_and_vmap():
    def run(rate):
        return langevin(lambda x: 0.5 * jnp.sum(x**2), jax.random.key(3), jnp.ones((4, 2)), rate, 0.5, 20)

    rates = jnp.array([0.1, 0.2])
    np.testing.assert_allclose(jax.jit(run)(0.1), run(0.1), rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(run)(rates), jnp.stack([run(r) for r in rates]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: sgd_stationary_cov(jnp.ones((2, 3)), jnp.eye(2), 0.1),
            r"hessian must be a non-empty square matrix, got shape \(2, 3\)",
        ),
        (lambda: sgd_stationary_cov(jnp.eye(2), jnp.eye(3), 0.1), "noise_cov must have the shape of hessian"),
        (lambda: sgd_stationary_cov(jnp.eye(2), jnp.eye(2), 0.0), "learning_rate must be positive"),
        (lambda: sgd_stationary_cov(jnp.eye(2), jnp.eye(2), 0.1, 1.0), "momentum must be between"),
        (lambda: minibatch_stationary_cov(jnp.eye(2), jnp.ones(2), 0.1, 0), "batch must be at least 1, got 0"),
        (
            lambda: langevin(jnp.sum, jax.random.key(0), jnp.ones((2, 1)), -0.1, 1.0, 5),
            "learning_rate must be positive",
        ),
        (
            lambda: langevin(jnp.sum, jax.random.key(0), jnp.ones((2, 1)), 0.1, -1.0, 5),
            "temperature must be at least 0",
        ),
        (
            lambda: langevin(jnp.sum, jax.random.key(0), jnp.ones((2, 1)), 0.1, 1.0, 0),
            "steps must be at least 1, got 0",
        ),
        (lambda: langevin(jnp.sum, jax.random.key(0), jnp.ones((0, 1)), 0.1, 1.0, 5), "number of chains"),
    ],
)
def test_bad_input(call, words, monkeypatch):
    # Without run-time checking, as for users: the annotations would refuse some of these shapes first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=words):
        call()
