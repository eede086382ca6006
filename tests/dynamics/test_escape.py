"""Escape against SciPy's adaptive quadrature, closed forms, Monte Carlo, and each other in their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import dblquad

from kexue.dynamics import (
    discrete_passage_time,
    first_passage_time,
    kramers_time,
    langevin,
    sgd_stationary_cov,
    stationary_density,
)


def quadratic(x):
    return 0.5 * x**2


def wells(x):
    return x**4 / 4 - x**2 / 2 + 0.1 * x


def test_first_passage_time_is_the_double_integral():
    temperature = 0.2
    expected = dblquad(
        lambda z, y: np.exp((float(wells(y)) - float(wells(z))) / temperature) / temperature,
        -1.0,
        0.8,
        -4.0,
        lambda y: y,
        epsrel=1e-9,
    )[0]
    with jax.enable_x64(True):
        np.testing.assert_allclose(first_passage_time(wells, temperature, -1.0, 0.8, lower=-4.0), expected, rtol=1e-5)
    np.testing.assert_allclose(first_passage_time(wells, temperature, -1.0, 0.8, lower=-4.0), expected, rtol=1e-3)


def test_first_passage_time_of_free_diffusion_between_grid_points():
    np.testing.assert_allclose(
        first_passage_time(lambda x: 0.0 * x, 0.5, 0.2345, 1.0, lower=0.0), 1 - 0.2345**2, rtol=1e-4
    )


def test_kramers_is_the_low_temperature_limit():
    """The ratio tends to one, with an error that falls like the temperature."""

    def potential(x):
        return x**4 / 4 - x**2 / 2

    with jax.enable_x64(True):
        off = [
            float(
                first_passage_time(potential, t, -1.0, 1.0, lower=-4.0, points=8001)
                / kramers_time(potential, t, -1.0, 0.0)
            )
            - 1
            for t in (0.02, 0.01, 0.005)
        ]
    assert 0 < off[2] < off[1] < off[0] < 0.1
    np.testing.assert_allclose(off[1] / off[2], 2.0, atol=0.25)


def test_stationary_density_of_a_quadratic_is_exact():
    grid = jnp.linspace(-9, 9, 181)
    law = stationary_density(lambda x: 0.5 * 1.5 * x**2, 0.8, 0.9, grid)
    variance = sgd_stationary_cov(1.5 * jnp.eye(1), 2 * 0.9 / 0.8 * jnp.eye(1), 0.8)[0, 0]
    expected = jnp.exp(-(grid**2) / (2 * variance)) / jnp.sqrt(2 * jnp.pi * variance)
    np.testing.assert_allclose(law.density, expected, atol=2e-5)
    assert law.residual < 1e-5
    np.testing.assert_allclose(law.density.sum() * 0.1, 1.0, rtol=1e-5)


def test_stationary_density_tends_to_boltzmann():
    grid, temperature = jnp.linspace(-3, 3, 401), 0.2
    boltzmann = jax.nn.softmax(-wells(grid) / temperature) / (grid[1] - grid[0])
    off = [
        jnp.abs(stationary_density(wells, rate, temperature, grid).density - boltzmann).max() for rate in (0.04, 0.01)
    ]
    assert off[1] < 0.35 * off[0] < 0.02


def test_stationary_density_in_single_precision_with_rare_escapes():
    """Escapes take 10^5 steps here; double precision and a linear solve say the same."""
    grid = np.linspace(-2.2, 2.2, 177)
    law = stationary_density(wells, 0.02, 0.04, jnp.asarray(grid, jnp.float32))
    with jax.enable_x64(True):
        exact = stationary_density(wells, 0.02, 0.04, jnp.asarray(grid), doublings=34)
    expected = np.asarray(exact.density)
    np.testing.assert_allclose(law.density, expected, atol=2e-3 * expected.max())


def test_discrete_passage_time_against_chains():
    rate, temperature, start, target = 0.1, 0.5, 0.0, 1.0

    def step(state, key):
        x, steps, alive = state
        x = x - rate * x + jnp.sqrt(2 * rate * temperature) * jax.random.normal(key, x.shape)
        steps = steps + alive.astype(steps.dtype)
        return (x, steps, alive & (x < target)), None

    chains = 20_000
    state = jnp.full(chains, start), jnp.zeros(chains), jnp.ones(chains, bool)
    _, steps, alive = jax.lax.scan(step, state, jax.random.split(jax.random.key(0), 600))[0]
    assert not alive.any()
    time = discrete_passage_time(quadratic, rate, temperature, start, target, lower=-6.0)
    assert abs(time - rate * steps.mean()) < 4 * rate * steps.std() / np.sqrt(chains)


def test_discrete_passage_time_tends_to_the_diffusion():
    exact = float(first_passage_time(quadratic, 0.5, 0.0, 1.0, lower=-5.0))
    with jax.enable_x64(True):
        off = [
            float(discrete_passage_time(quadratic, r, 0.5, 0.0, 1.0, lower=-5.0, points=1201) / exact) - 1
            for r in (0.04, 0.01)
        ]
    np.testing.assert_allclose(off[0] / off[1], 2.0, atol=0.15)  # the overshoot: the square root of the step


def test_transformations():
    grid = jnp.linspace(-3, 3, 121)
    temperatures = jnp.array([0.3, 0.6])
    for run in (
        lambda t: stationary_density(wells, 0.1, t, grid).density,
        lambda t: first_passage_time(wells, t, -1.0, 0.8, lower=-4.0),
        lambda t: discrete_passage_time(wells, 0.1, t, -1.0, 0.8, lower=-4.0),
        lambda t: kramers_time(wells, t, -1.0, 0.1),
    ):
        alone = jnp.stack([run(t) for t in temperatures])
        np.testing.assert_allclose(jax.jit(jax.vmap(run))(temperatures), alone, rtol=2e-4, atol=1e-6)
        np.testing.assert_allclose(jax.jit(run)(temperatures[0]), alone[0], rtol=2e-4, atol=1e-6)


def test_chains_settle_on_the_density():
    grid = jnp.linspace(-3, 3, 241)
    law = stationary_density(wells, 0.2, 0.4, grid)
    ends = langevin(lambda x: wells(x[0]), jax.random.key(1), jnp.zeros((20_000, 1)), 0.2, 0.4, 400)
    share = jnp.mean(ends[:, 0] > 0.1)
    expected = jnp.sum(jnp.where(grid > 0.1, law.density, 0)) * (grid[1] - grid[0])
    assert abs(share - expected) < 0.015


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: stationary_density(wells, 0.1, 0.0, jnp.linspace(-1, 1, 9)), "temperature must be positive"),
        (lambda: stationary_density(wells, 0.0, 0.1, jnp.linspace(-1, 1, 9)), "learning_rate must be positive"),
        (
            lambda: stationary_density(wells, 0.1, 0.1, jnp.linspace(-1, 1, 2)),
            "grid must have at least 3 points, got 2",
        ),
        (
            lambda: stationary_density(wells, 0.1, 0.1, jnp.linspace(-1, 1, 9), doublings=0),
            "doublings must be at least 1",
        ),
        (
            lambda: first_passage_time(wells, 0.1, 1.0, 0.0, lower=-1.0),
            "lower < start < target is required, got -1.0, 1.0, 0.0",
        ),
        (lambda: first_passage_time(wells, 0.1, 0.0, 1.0, lower=-1.0, points=2), "points must be at least 3"),
        (lambda: discrete_passage_time(wells, -0.1, 0.1, 0.0, 1.0, lower=-1.0), "learning_rate must be positive"),
        (lambda: discrete_passage_time(wells, 0.1, 0.1, 0.0, 1.0, lower=0.5), "lower < start < target"),
        (lambda: kramers_time(wells, float("nan"), -1.0, 0.0), "temperature must be positive and finite, got nan"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
