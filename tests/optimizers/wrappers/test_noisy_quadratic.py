"""The exact recursion against closed forms, a NumPy matrix recursion and simulated chains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers import noisy_quadratic_loss

compiled = jax.jit(noisy_quadratic_loss, static_argnames=("steps", "k"))


def by_matrices(rate, a, sigma2, steps, k, alpha, start):
    """Second moments of (fast, slow) in one dimension, as a 2 × 2 matrix."""
    mean, second = np.array([start, start]), np.full((2, 2), float(start) ** 2)
    for t in range(steps):
        r = 1 - rate * a
        step, noise = np.diag([r, 1.0]), np.diag([(rate * a) ** 2 * sigma2, 0])
        mean, second = step @ mean, step @ second @ step + noise
        if (t + 1) % k == 0:
            sync = np.array([[alpha, 1 - alpha], [alpha, 1 - alpha]])
            mean, second = sync @ mean, sync @ second @ sync.T
    return a * second[1, 1] / 2


@pytest.mark.parametrize("k, alpha, steps", [(5, 0.5, 20), (5, 0.5, 23), (3, 0.8, 30), (1, 0.3, 7)])
def test_equals_a_recursion_of_second_moments(k, alpha, steps):
    a, sigma2, start = np.array([1.0, 0.3, 0.01]), np.array([0.5, 2.0, 0.0]), np.array([1.0, -2.0, 0.3])
    with jax.enable_x64(True):
        ours = compiled(0.7, a, sigma2, steps, k, alpha, start=start)
    expected = sum(by_matrices(0.7, *row[:2], steps, k, alpha, row[2]) for row in zip(a, sigma2, start, strict=True))
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_stationary_variances_are_the_closed_form():
    slope, k, alpha = 0.5, 5, 0.5
    r = 1 - slope
    with jax.enable_x64(True):
        one = jnp.ones(1)
        sgd = float(2 * compiled(slope, one, 1.0, 200))
        ours = float(2 * compiled(slope, one, 1.0, 200, k, alpha))
        # Plain SGD that contracts as much in a period does better.
        equal = 1 - (1 - alpha + alpha * r**k) ** (1 / k)
        slower = float(2 * compiled(equal, one, 1.0, 2000))
    np.testing.assert_allclose(sgd, slope / (2 - slope), rtol=1e-12)
    ratio = alpha**2 * (1 - r ** (2 * k)) / (1 - (1 - alpha + alpha * r**k) ** 2)
    np.testing.assert_allclose(ours / sgd, ratio, rtol=1e-12)
    assert ours / slower > 1.5


def test_simulated_chains_agree():
    rate, a, k, alpha, chains = 0.4, np.array([1.0, 0.25]), 3, 0.6, 40_000
    random = np.random.default_rng(0)
    fast = slow = np.ones((chains, 2))
    for t in range(9):
        fast = fast - rate * a * (fast - random.normal(size=fast.shape))
        if (t + 1) % k == 0:
            fast = slow = slow + alpha * (fast - slow)
    losses = (a * slow**2).sum(axis=1) / 2
    exact = compiled(rate, a, 1.0, 9, k, alpha)
    assert abs(losses.mean() - exact) < 4 * losses.std() / chains**0.5


def test_rates_may_change_with_the_step_and_be_batched():
    a = jnp.array([1.0, 0.1])
    rates = jnp.array([0.5, 0.1, 0.2])
    expected = np.sum(np.asarray(a) * np.prod(1 - np.outer(rates, a), axis=0) ** 2) / 2
    np.testing.assert_allclose(compiled(rates, a, 0.0, 3), expected, rtol=1e-6)
    together = jax.vmap(lambda rate: compiled(rate, a, 1.0, 3, 2, 0.5))(rates)
    np.testing.assert_allclose(together[1], compiled(0.1, a, 1.0, 3, 2, 0.5), rtol=1e-6)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda a: noisy_quadratic_loss(-0.1, a, 1.0, 3), "rate must be at least 0 and finite, got -0.1"),
        (lambda a: noisy_quadratic_loss(0.1, a, 1.0, 0), "steps must be at least 1, got 0"),
        (
            lambda a: noisy_quadratic_loss(0.1, a, 1.0, 3, k=5),
            "k and alpha must be given together, got k=5 and alpha=None",
        ),
        (lambda a: noisy_quadratic_loss(0.1, a, 1.0, 3, 0, 0.5), "k must be an integer of at least 1, got 0"),
        (lambda a: noisy_quadratic_loss(0.1, a, 1.0, 3, 5, 0.0), r"alpha must be in \(0, 1\], got 0.0"),
        (lambda a: noisy_quadratic_loss(jnp.ones(2), a, 1.0, 3), "one for each of the 3 steps, got 2"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(jnp.ones(2))
