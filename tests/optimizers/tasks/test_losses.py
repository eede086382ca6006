"""Losses made one, against plain NumPy and their own limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import entropy

from kexue.optimizers.tasks.losses import (
    log_sum_loss,
    optimal_log_variances,
    power_mean,
    prior_loss,
    relative_loss,
    uncertainty_loss,
)

LOSSES = np.array([0.3, 900.0, 2.0, 1e-4])


def plain(function):
    return getattr(function, "__wrapped__", function)  # without the check of annotations, which would answer first


def test_relative_loss_and_its_gradient():
    losses, reference = jnp.array([1.0, 6.0]), np.array([2.0, 4.0])
    value, slopes = jax.value_and_grad(relative_loss)(losses, jnp.asarray(reference, jnp.float32))
    assert value == 2
    np.testing.assert_array_equal(slopes, 1 / reference)
    np.testing.assert_array_equal(jax.grad(relative_loss, 1)(losses, losses), 0)


def test_log_sum_has_the_slopes_of_the_geometric_mean():
    with jax.enable_x64(True):
        losses = jnp.asarray(LOSSES)
        value, slopes = jax.value_and_grad(log_sum_loss)(losses)
        geometric = jax.grad(lambda x: jnp.prod(x) ** 0.25)(losses)
        np.testing.assert_allclose(value, 4, rtol=1e-15)
        np.testing.assert_allclose(slopes, geometric * 4 / jnp.prod(losses) ** 0.25, rtol=1e-12)
        np.testing.assert_allclose(jax.grad(power_mean)(losses, 0.0), geometric, rtol=1e-12)


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_loss_that_is_not_positive_has_no_logarithm(bad):
    value, slopes = jax.jit(jax.value_and_grad(log_sum_loss))(jnp.array([bad, 2.0]))
    assert jnp.isnan(value) and jnp.isnan(slopes[0])
    traced = jax.jit(jax.value_and_grad(relative_loss))(jnp.ones(2), jnp.array([bad, 2.0]))
    assert jnp.isnan(traced[0]) and jnp.isnan(traced[1][0])
    assert not jnp.isfinite(optimal_log_variances(jnp.array([bad])))[0]
    if bad < 0:
        assert all(jnp.isnan(power_mean(jnp.array([bad, 2.0]), gamma)) for gamma in (-1.0, 0.0, 2.0))


GAMMAS = np.r_[-300.0, -50, -3, -1, -1e-3, -1e-7, -1e-12, 1e-12, 1e-7, 1e-3, 0.5, 1, 2, 3, 50, 300]


def test_power_mean_for_every_exponent():
    exact = [np.exp((logsumexp(np.longdouble(g) * np.log(LOSSES)) - np.log(4)) / g) for g in GAMMAS if abs(g) > 1e-5]
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(jax.vmap(power_mean, (None, 0)))(jnp.asarray(LOSSES), jnp.asarray(GAMMAS)))
        np.testing.assert_allclose(found[np.abs(GAMMAS) > 1e-5], exact, rtol=1e-12)
        # log M = mean + γ var/2 + O(γ²) near zero
        near, logs = GAMMAS[np.abs(GAMMAS) < 1e-5], np.log(LOSSES)
        np.testing.assert_allclose(
            found[np.abs(GAMMAS) < 1e-5], np.exp(logs.mean() + near * logs.var() / 2), rtol=1e-12
        )
        assert (np.diff(found) > 0).all()
        np.testing.assert_allclose(power_mean(jnp.asarray(LOSSES), 0), np.exp(logs.mean()), rtol=1e-14)
    single = jax.jit(jax.vmap(power_mean, (None, 0)))(
        jnp.asarray(LOSSES, jnp.float32), jnp.asarray(GAMMAS, jnp.float32)
    )
    np.testing.assert_allclose(single, found, rtol=1e-5)


@pytest.mark.parametrize("gamma", [-20.0, -1.0, -1e-6, 0.0, 1e-6, 0.5, 1.0, 2.0, 20.0])
def test_slopes_of_the_power_mean(gamma):
    with jax.enable_x64(True):
        losses = jnp.array([0.3, 9.0, 2.0])
        slopes = jax.jit(jax.grad(power_mean))(losses, gamma)
        steps = np.eye(3) * 1e-6
        central = [(power_mean(losses + s, gamma) - power_mean(losses - s, gamma)) / 2e-6 for s in steps]
        np.testing.assert_allclose(slopes, central, rtol=1e-6, atol=1e-9)
        curvature = jax.jit(jax.hessian(power_mean))(losses, gamma)
        np.testing.assert_allclose(curvature, curvature.T, atol=1e-12)
        np.testing.assert_allclose(curvature @ losses, 0, atol=1e-10)  # homogeneous of degree one


def test_losses_of_zero():
    for gamma, value in ((-1.0, 0.0), (0.0, 0.0), (1.0, 2.0), (2.0, 8**0.5)):
        np.testing.assert_allclose(power_mean(jnp.array([0.0, 4.0]), gamma), value, rtol=1e-6)
        assert power_mean(jnp.zeros(3), gamma) == 0
    np.testing.assert_allclose(jax.grad(power_mean)(jnp.array([0.0, 4.0]), 1.0), 0.5)
    np.testing.assert_allclose(jax.grad(power_mean)(jnp.array([0.0, 4.0]), 2.0), [0, 0.5**0.5], rtol=1e-6)
    assert power_mean(jnp.ones(3, jnp.bfloat16), 2.0).dtype == jnp.bfloat16


def test_prior_loss_of_classes_is_the_entropy_of_their_frequencies():
    labels = np.random.default_rng(0).choice([-7, 0, 3, 1000], size=500, p=[0.1, 0.2, 0.3, 0.4])
    expected = entropy(np.unique(labels, return_counts=True)[1])
    np.testing.assert_allclose(
        jax.jit(prior_loss, static_argnums=1)(jnp.asarray(labels), "classes"), expected, rtol=1e-6
    )
    np.testing.assert_allclose(prior_loss(jnp.array([True, False]), "classes"), np.log(2), rtol=1e-6)
    assert prior_loss(jnp.ones(5, int), "classes") == 0


def test_prior_loss_of_regression_is_the_variance_in_all_axes():
    y = np.random.default_rng(0).normal(size=(50, 3, 2)) * 2 + 100
    expected = ((y - y.mean(axis=0)) ** 2).sum() / 50
    np.testing.assert_allclose(prior_loss(jnp.asarray(y, jnp.float32), "regression"), expected, rtol=1e-4)
    np.testing.assert_allclose(prior_loss([1, 2, 6], "regression"), 14 / 3, rtol=1e-6)
    half = prior_loss(jnp.asarray([1.0, 2.0, 6.0], jnp.bfloat16), "regression")
    np.testing.assert_allclose(half, 14 / 3, rtol=1e-6)


def test_the_best_variances():
    with jax.enable_x64(True):
        losses = jnp.asarray(LOSSES)
        value_and_slopes = jax.jit(jax.value_and_grad(lambda s: uncertainty_loss(losses, s)))
        found = minimize(
            lambda s: [np.asarray(x, float) for x in value_and_slopes(s)], np.zeros(4), jac=True, tol=1e-10
        )
        best = optimal_log_variances(losses)
        np.testing.assert_allclose(best, found.x, atol=1e-5)
        np.testing.assert_allclose(uncertainty_loss(losses, best), found.fun, rtol=1e-9)
        np.testing.assert_allclose(found.fun, (1 + np.log(LOSSES)).sum() / 2, rtol=1e-9)
        slopes = jax.grad(lambda x: uncertainty_loss(x, optimal_log_variances(x)))(losses)
        np.testing.assert_allclose(2 * slopes, jax.grad(log_sum_loss)(losses), rtol=1e-12)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: plain(log_sum_loss)(jnp.ones((2, 2))), r"losses must be one real number for each task, .* \(2, 2\)"),
        (lambda: plain(log_sum_loss)([]), r"losses must be one real number for each task, .* shape \(0,\)"),
        (lambda: plain(power_mean)(1.0, 2.0), "losses must be one real number for each task"),
        (lambda: power_mean(jnp.ones(2), float("inf")), "gamma must be finite, got inf"),
        (lambda: power_mean(jnp.ones(2), np.ones(2)), r"gamma must be one number, got shape \(2,\)"),
        (lambda: relative_loss(jnp.ones(2), jnp.array([1.0, 0.0])), "reference must be positive and finite, got"),
        (lambda: plain(relative_loss)(jnp.ones(2), [1.0, -2.0]), "reference must be positive and finite, got"),
        (
            lambda: plain(relative_loss)(jnp.ones(2), jnp.ones(3)),
            r"reference must have the shape of losses, \(2,\), got",
        ),
        (lambda: plain(uncertainty_loss)(jnp.ones(2), jnp.ones(3)), "log_variances must have the shape of losses"),
        (lambda: plain(prior_loss)(jnp.ones(2), "ranks"), "kind must be 'classes' or 'regression', got 'ranks'"),
        (lambda: prior_loss(jnp.ones(2), "classes"), "targets must be integer labels .* got float32"),
        (lambda: prior_loss(jnp.ones((2, 2), int), "classes"), r"targets must be integer labels .* \(2, 2\)"),
        (
            lambda: prior_loss([], "regression"),
            r"targets must be real, at least one example, got float\d+ of shape \(0,\)",
        ),
        (lambda: prior_loss(jnp.array(1j), "regression"), "targets must be real, at least one example, got complex"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_integers_and_lists_are_losses_too():
    assert plain(log_sum_loss)([1, 2]) == 2
    assert plain(power_mean)([2, 2], 3) == 2
    assert plain(relative_loss)([1, 3], [2, 2]) == 2
