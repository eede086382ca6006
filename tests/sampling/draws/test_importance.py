"""Importance sampling, its diagnostics and rejection: against arviz_stats, closed forms and SciPy."""

import arviz_stats.base
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from kexue.sampling.draws.importance import importance_effective_sample_size, importance_estimate
from kexue.sampling.draws.pareto import pareto_smooth
from kexue.sampling.draws.rejection import rejection_sample


def gaussian_log_ratio(x, s):
    """N(0, I) over N(0, s² I), both normalised."""
    return -(x**2).sum(-1) / 2 * (1 - 1 / s**2) + x.shape[-1] * np.log(s)


def wide_proposal(s, d):
    return lambda key, number: s * jax.random.normal(key, (number, d))


WEIGHTS = {
    "mild": lambda rng, n: 0.3 * rng.normal(size=n),
    "lognormal": lambda rng, n: 2.0 * rng.normal(size=n),
    "pareto with k = 0.5": lambda rng, n: np.log(rng.pareto(2.0, n) + 1),
    "pareto with k = 1": lambda rng, n: np.log(rng.pareto(1.0, n) + 1) - 300,
    "bounded": lambda rng, n: np.log(rng.uniform(size=n)),
    "some zero": lambda rng, n: np.where(rng.uniform(size=n) < 0.2, -np.inf, rng.normal(size=n)),
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("n", [40, 226, 3000])
def test_pareto_smoothing_is_that_of_arviz(name, n):
    log_w = WEIGHTS[name](np.random.default_rng(n), n)
    expected, k = arviz_stats.base.array_stats.psislw(-log_w)  # it takes minus the log weights
    with jax.enable_x64(True):
        smoothed = jax.jit(pareto_smooth)(jnp.asarray(log_w))
        np.testing.assert_allclose(smoothed.k, k, rtol=1e-8)
        np.testing.assert_allclose(smoothed.log_weights, expected, rtol=1e-8, atol=1e-9)
    single = jax.jit(pareto_smooth)(jnp.asarray(log_w, jnp.float32))
    assert single.k.dtype == single.log_weights.dtype == jnp.float32
    np.testing.assert_allclose(single.k, k, atol=2e-3)
    np.testing.assert_allclose(jnp.exp(single.log_weights).sum(), 1, rtol=1e-5)


def test_k_of_weights_whose_tail_cannot_be_fitted_and_vmap():
    constant = pareto_smooth(jnp.zeros(100))
    assert constant.k == -jnp.inf
    np.testing.assert_allclose(constant.log_weights, -np.log(100), rtol=1e-6)
    two = jnp.full(100, -jnp.inf).at[jnp.array([3, 5])].set(jnp.array([0.0, 1.0]))
    smoothed = pareto_smooth(two)
    assert smoothed.k == jnp.inf
    np.testing.assert_allclose(jnp.exp(smoothed.log_weights)[5], np.e / (1 + np.e), rtol=1e-5)
    batch = jax.random.normal(jax.random.key(0), (3, 500))
    together = jax.jit(jax.vmap(pareto_smooth))(batch)
    for i in range(3):
        np.testing.assert_allclose(together.k[i], jax.jit(pareto_smooth)(batch[i]).k, atol=1e-4)


@pytest.mark.parametrize(("s", "d"), [(1.2, 1), (1.2, 10), (1.5, 5), (0.9, 3)])
def test_gaussian_pairs_have_the_known_effective_sample_size_and_moments(s, d):
    x = wide_proposal(s, d)(jax.random.key(d), 100_000)
    log_w = gaussian_log_ratio(x, s)
    estimate = importance_estimate(log_w, jnp.stack([(x**2).sum(1), x[:, 0]], axis=1))
    known = (np.sqrt(2 * s**2 - 1) / s**2) ** d
    np.testing.assert_allclose(importance_effective_sample_size(log_w) / 1e5, known, rtol=0.03)
    np.testing.assert_allclose(estimate.effective_sample_size / 1e5, known, rtol=0.03)
    assert (abs(estimate.mean - np.array([d, 0.0], np.float32)) < 4 * estimate.standard_error).all()
    assert abs(estimate.log_z) < 4 * estimate.log_z_standard_error


def test_error_bars_are_the_spread_of_repetitions():
    x = 1.3 * jax.random.normal(jax.random.key(0), (2000, 400, 2))
    runs = jax.jit(jax.vmap(lambda x: importance_estimate(gaussian_log_ratio(x, 1.3), (x**2).sum(1))))(x)
    np.testing.assert_allclose(runs.mean.std(), runs.standard_error.mean(), rtol=0.06)
    np.testing.assert_allclose(jnp.exp(runs.log_z).std(), runs.log_z_standard_error.mean(), rtol=0.06)
    alone = importance_estimate(gaussian_log_ratio(x[3], 1.3), (x[3] ** 2).sum(1))
    for a, b in zip(jax.tree.leaves(runs), alone, strict=True):
        np.testing.assert_allclose(a[3], b, rtol=1e-5, atol=1e-6)


def test_effective_sample_size_by_hand_and_its_invariances():
    assert importance_effective_sample_size(jnp.full(7, -500.0)) == 7
    np.testing.assert_allclose(
        importance_effective_sample_size(jnp.log(jnp.array([1.0, 2.0, 3.0]))), 36 / 14, rtol=1e-6
    )
    log_w = jax.random.normal(jax.random.key(0), (50,))
    np.testing.assert_allclose(
        importance_effective_sample_size(log_w + 900), importance_effective_sample_size(log_w), rtol=1e-4
    )
    assert importance_effective_sample_size(jnp.array([-jnp.inf, 0.0])) == 1
    with jax.enable_x64(True):
        assert importance_effective_sample_size(jnp.zeros(3)).dtype == jnp.float64


@pytest.mark.parametrize(("s", "d"), [(1.2, 1), (1.2, 10), (1.5, 5)])
def test_rejection_accepts_s_to_the_minus_d_and_keeps_the_target(s, d):
    run = jax.jit(
        lambda key: rejection_sample(
            key, wide_proposal(s, d), lambda x: gaussian_log_ratio(x, s), 100_000, log_m=d * np.log(s)
        )
    )(jax.random.key(d))
    np.testing.assert_allclose(run.acceptance, s**-d, rtol=0.05)
    np.testing.assert_allclose(run.log_z, 0, atol=0.05)
    kept = np.asarray(run.accepted())
    assert kept.shape == (run.is_accepted.sum(), d)
    assert scipy.stats.kstest(kept[:, 0], "norm").pvalue > 1e-3
    np.testing.assert_allclose(kept.var(0), 1, rtol=0.05)


def test_rejection_with_an_estimated_envelope_pytrees_and_zeros():
    def propose(key, number):
        return {"x": jax.random.uniform(key, (number,)), "y": jnp.arange(number)}

    triangle = lambda draw: jnp.where(draw["x"] > 0.5, jnp.log(draw["x"]), -jnp.inf)  # noqa: E731
    run = rejection_sample(jax.random.key(0), propose, triangle, 50_000)
    np.testing.assert_allclose(run.log_m, np.log(2), atol=1e-3)
    np.testing.assert_allclose(run.log_z, np.log(3 / 8), atol=0.02)
    kept = run.accepted()
    assert kept["x"].min() > 0.5
    assert scipy.stats.kstest(np.asarray(kept["x"]), lambda x: (x**2 - 0.25) / 0.75).pvalue > 1e-3
    keys = jax.random.split(jax.random.key(1), 3)
    many = jax.jit(jax.vmap(lambda key: rejection_sample(key, propose, triangle, 200)))(keys)
    alone = rejection_sample(keys[2], propose, triangle, 200)
    np.testing.assert_array_equal(many.is_accepted[2], alone.is_accepted)


def test_a_violated_envelope_is_an_error_also_under_jit():
    def sample(key, log_m):
        return rejection_sample(key, wide_proposal(1.2, 2), lambda x: gaussian_log_ratio(x, 1.2), 500, log_m=log_m)

    highest = 2 * np.log(1.2)
    assert sample(jax.random.key(0), highest).acceptance > 0.6
    with pytest.raises(ValueError, match=r"envelope is violated; the largest is 0\.36"):
        sample(jax.random.key(0), highest - 0.05)
    with pytest.raises(Exception, match="envelope is violated"):
        jax.block_until_ready(jax.jit(sample)(jax.random.key(0), highest - 0.05))


def test_an_estimated_envelope_that_the_run_refutes_is_an_error():
    """One proposal in fifty is a thousand times as likely under the target: a pilot of ten mostly misses it."""

    def rare(key, number):
        return (jax.random.uniform(key, (number,)) < 0.02).astype(jnp.float32)

    outcomes = []
    for seed in range(60):
        try:
            outcomes.append(float(rejection_sample(jax.random.key(seed), rare, lambda x: 7 * x, 10).log_m))
        except ValueError as error:
            outcomes.append("violated" in str(error))
    assert outcomes.count(True) >= 4  # expected: 60 · 0.82 · 0.18 = 9
    assert all(outcome is True or outcome == pytest.approx(np.log(2)) or outcome > 7 for outcome in outcomes)


@pytest.mark.parametrize(
    "method", [importance_effective_sample_size, pareto_smooth, lambda w: importance_estimate(w, w)]
)
def test_weights_that_cannot_be_weights(method):
    for bad in (
        jnp.full(30, jnp.nan),
        jnp.zeros(30).at[4].set(jnp.nan),
        jnp.full(30, -jnp.inf),
        jnp.zeros(30).at[0].set(jnp.inf),
    ):
        with pytest.raises(ValueError, match="log_weights must be finite or -inf"):
            method(bad)
    with pytest.raises(ValueError, match="log_weights must hold at least"):
        method(jnp.zeros(0))


def test_bad_input_to_rejection():
    key, unit = jax.random.key(0), wide_proposal(1.0, 1)
    flat = lambda x: jnp.zeros(len(x))  # noqa: E731
    for arguments, options, message in [
        ((unit, flat, 0), {}, "number must be at least 1, got 0"),
        ((unit, flat, 5), {"log_m": float("inf")}, "log_m must be finite, got inf"),
        ((unit, lambda x: jnp.zeros(3), 5), {"log_m": 0.0}, r"shape \(5,\), one number a proposal, got \(3,\)"),
        ((unit, lambda x: jnp.full(len(x), jnp.nan), 5), {"log_m": 0.0}, "nor be NaN"),
        ((unit, lambda x: jnp.full(len(x), jnp.nan), 5), {}, "finite somewhere in the pilot run"),
        ((unit, lambda x: jnp.full(len(x), -jnp.inf), 5), {}, "finite somewhere in the pilot run"),
        ((unit, lambda x: jnp.full(len(x), jnp.inf), 5), {}, "nowhere NaN or"),
    ]:
        with pytest.raises(ValueError, match=message):
            rejection_sample(key, *arguments, **options)
