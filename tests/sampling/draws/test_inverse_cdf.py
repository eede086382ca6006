"""Inverse-CDF sampling against SciPy's distributions and NumPy's searchsorted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from kexue.sampling.draws.inverse_cdf import cumulative, grid_sample, invert_rows


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000])
def test_rows_are_inverted_like_searchsorted(n):
    rng = np.random.default_rng(n)
    weights = rng.exponential(size=(4, n)) * (rng.uniform(size=(4, n)) < 0.6)
    weights[:, n // 2] = 1.0
    table = cumulative(jnp.asarray(weights, jnp.float32))
    np.testing.assert_allclose(table, np.cumsum(weights, axis=1), rtol=1e-5)
    rows, u = rng.integers(0, 4, 5000), rng.uniform(size=5000).astype(np.float32)
    drawn = np.asarray(jax.jit(invert_rows)(table, jnp.asarray(rows, jnp.int32), jnp.asarray(u)))
    known = np.asarray(table)
    expected = [
        np.searchsorted(known[r], np.float32(x * known[r, -1]), side="right") for r, x in zip(rows, u, strict=True)
    ]
    assert drawn.tolist() == expected
    assert (weights[rows, drawn] > 0).all()


def test_an_outcome_without_weight_is_never_drawn_not_even_at_the_ends():
    table = cumulative(jnp.array([[0.0, 3e-8, 1.0, 0.0, 1e-8, 0.0]]))
    ends = jnp.array([0.0, 1 - 2.0**-23, 2.9e-8, 3.1e-8, 0.5], jnp.float32)
    assert invert_rows(table, jnp.zeros(5, jnp.int32), ends)[0] == 1
    assert set(invert_rows(table, jnp.zeros(5, jnp.int32), ends).tolist()) <= {1, 2, 4}


DENSITIES = {
    "normal": (scipy.stats.norm(), np.linspace(-6, 6, 1201)),
    "exponential": (scipy.stats.expon(), np.linspace(0, 25, 4001)),
    "beta": (scipy.stats.beta(2, 5), np.linspace(0, 1, 501)),
    "triangle": (scipy.stats.triang(0.25), np.array([0.0, 0.25, 1.0])),
    "uneven": (scipy.stats.norm(), np.sort(np.r_[-7, 7, np.random.default_rng(0).normal(size=3000) * 2])),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_draws_pass_scipys_test_of_kolmogorov_and_smirnov(name):
    law, grid = DENSITIES[name]
    draw = jax.jit(grid_sample, static_argnums=3)
    log_density = jnp.asarray(law.logpdf(grid) + 3.0, jnp.float32)  # a constant does not matter
    for seed in range(3):
        x = draw(jax.random.key(seed), jnp.asarray(grid, jnp.float32), log_density, 100_000)
        assert x.dtype == jnp.float32
        assert scipy.stats.kstest(np.asarray(x, float), law.cdf).statistic < 0.006


def test_the_error_falls_with_the_square_of_the_spacing():
    """A coarse grid draws from the interpolated density: its variance is known to be larger by about h²/6."""
    grid = jnp.linspace(-6, 6, 13)
    x = np.asarray(grid_sample(jax.random.key(0), grid, -(grid**2) / 2, 400_000), float)
    np.testing.assert_allclose(x.var(), 1 + 1 / 6, rtol=0.01)


def test_vmap_over_densities_and_float64():
    grid = jnp.linspace(0.0, 1.0, 201)
    slopes = jnp.array([-5.0, 0.0, 5.0])
    keys = jax.random.split(jax.random.key(0), 3)
    draw = lambda key, slope: grid_sample(key, grid, slope * grid, 2000)  # noqa: E731
    single, together = jax.jit(draw), jax.jit(jax.vmap(draw))(keys, slopes)
    for i in range(3):
        np.testing.assert_allclose(together[i], single(keys[i], slopes[i]), atol=1e-6)
    assert together[0].mean() < 0.25 < 0.45 < together[1].mean() < 0.55 < 0.75 < together[2].mean()
    with jax.enable_x64(True):
        grid = jnp.linspace(0.0, 1.0, 201)
        assert grid_sample(jax.random.key(0), grid, -grid, 10).dtype == jnp.float64


def test_bad_input():
    key, grid = jax.random.key(0), jnp.linspace(0.0, 1.0, 5)
    for arguments, message in [
        ((grid, jnp.zeros(4), 3), "vectors of the same length, at least 2"),
        ((grid[:1], jnp.zeros(1), 3), "at least 2"),
        ((grid[::-1], jnp.zeros(5), 3), "strictly increasing"),
        ((grid, jnp.zeros(5).at[2].set(jnp.nan), 3), "nowhere NaN"),
        ((grid, jnp.full(5, -jnp.inf), 3), "finite somewhere"),
        ((grid, jnp.zeros(5), 0), "number must be at least 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            grid_sample(key, *arguments)
    nobody = jnp.zeros(1, jnp.int32), jnp.array([0.5])
    with pytest.raises(ValueError, match="at least one outcome"):
        invert_rows(jnp.zeros((1, 0)), *nobody)
    for weights in (jnp.array([[1.0, jnp.nan]]), jnp.array([[1.0, -0.5]]), jnp.array([[-1.0, 2.0]])):
        with pytest.raises(ValueError, match="not negative or NaN"):
            invert_rows(cumulative(weights), *nobody)
