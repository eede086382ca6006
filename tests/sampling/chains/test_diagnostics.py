"""Diagnostics against ArviZ and against sums written as sums."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arviz_stats.base import array_stats

from kexue.sampling import autocorrelation, effective_sample_size, potential_scale_reduction

KINDS = {"rank": "rank", "bulk": "z_scale", "folded": "folded", "split": "split", "identity": "identity"}


def autoregression(rng, coefficients, draws):
    x = np.zeros((len(coefficients), draws))
    for t in range(1, draws):
        x[:, t] = coefficients * x[:, t - 1] + rng.normal(size=len(coefficients))
    return x


def traces():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 401))
    yield "noise", noise
    yield "sticky", autoregression(rng, np.array([0.99, 0.9, 0.5, 0.95]), 401)
    yield "alternating", autoregression(rng, np.array([-0.9, -0.5, -0.9, -0.95]), 401)
    yield "apart", noise + np.arange(4)[:, None]
    yield "unequal widths", noise * np.array([[1.0], [1.0], [1.0], [4.0]])
    yield "Cauchy", rng.standard_cauchy(size=(4, 401))
    yield "ties", rng.integers(0, 4, size=(4, 401)).astype(float)
    yield "drift", noise + np.linspace(0, 3, 401)
    yield "one chain", autoregression(rng, np.array([0.7]), 600)
    yield "short", rng.normal(size=(2, 9))
    yield "four draws", rng.normal(size=(3, 4))


@jax.jit
def everything(trace):
    rhat = {kind: potential_scale_reduction(trace, kind) for kind in KINDS} if trace.shape[0] > 1 else {}
    return rhat, {kind: effective_sample_size(trace, kind) for kind in ("bulk", "tail", "mean")}, autocorrelation(trace)


def test_the_same_numbers_as_arviz():
    for name, trace in traces():
        with jax.enable_x64(True):
            rhat, size, correlation = everything(trace)
        for kind, value in rhat.items():
            np.testing.assert_allclose(value, array_stats.rhat(trace, method=KINDS[kind]), rtol=1e-6, err_msg=name)
        for kind, value in size.items():
            prob = {"prob": (0.05, 0.95)} if kind == "tail" else {}
            np.testing.assert_allclose(value, array_stats.ess(trace, method=kind, **prob), rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(correlation, array_stats.autocorr(trace), atol=1e-12)


def test_tail_with_other_quantiles():
    trace = autoregression(np.random.default_rng(2), np.array([0.8, 0.8, 0.6]), 501)
    with jax.enable_x64(True):
        expected = array_stats.ess(trace, method="tail", prob=(0.2, 0.7))
        np.testing.assert_allclose(effective_sample_size(trace, "tail", prob=(0.2, 0.7)), expected, rtol=1e-6)


def test_autocorrelation_is_a_sum():
    x = np.random.default_rng(1).normal(size=(2, 17)).cumsum(1)
    centred = x - x.mean(1, keepdims=True)
    by_sum = [[sum(c[n] * c[n + t] for n in range(17 - t)) / sum(c * c) for t in range(17)] for c in centred]
    np.testing.assert_allclose(autocorrelation(jnp.asarray(x, jnp.float32)), by_sum, atol=1e-5)


def test_many_statistics_at_once_and_under_transformations():
    x = np.random.default_rng(3).normal(size=(3, 40, 2, 2)).astype(np.float32)
    x[..., 1, 1] += np.arange(3)[:, None]
    columns = jnp.asarray(x.reshape(3, 40, 4))
    for function in (potential_scale_reduction, effective_sample_size):
        whole = function(x)
        assert whole.shape == (2, 2) and whole.dtype == jnp.float32
        single = [function(columns[:, :, i]) for i in range(4)]
        np.testing.assert_allclose(whole.ravel(), single, rtol=1e-4)
        np.testing.assert_allclose(jax.jit(jax.vmap(function, in_axes=2))(columns), single, rtol=1e-4)
    assert autocorrelation(x).shape == x.shape


def test_the_order_of_chains_and_the_units_do_not_matter():
    x = autoregression(np.random.default_rng(4), np.array([0.9, 0.8, 0.7, 0.9]), 300)
    with jax.enable_x64(True):
        for function in (potential_scale_reduction, effective_sample_size):
            np.testing.assert_allclose(function(x[::-1]), function(x), rtol=1e-9)
            np.testing.assert_allclose(function(3 * x - 7), function(x), rtol=1e-6)
        # Ranks do not see a monotone change of the statistic.
        np.testing.assert_allclose(effective_sample_size(np.exp(x)), effective_sample_size(x), rtol=1e-9)


def test_integers_and_constants():
    flags = np.random.default_rng(5).integers(0, 2, (4, 100))
    assert 200 < effective_sample_size(flags, "mean") < 700
    assert effective_sample_size(np.ones((2, 50), np.float32)) == 100
    assert not np.isfinite(potential_scale_reduction(np.ones((2, 50), np.float32), "split"))


def test_refusals():
    good = np.random.default_rng(0).normal(size=(2, 10)).astype(np.float32)
    with pytest.raises(ValueError, match=r"at least 2 chains and 4 draws, got shape \(1, 10\)"):
        potential_scale_reduction(good[:1])
    with pytest.raises(ValueError, match=r"at least 1 chains and 4 draws, got shape \(2, 3\)"):
        effective_sample_size(good[:, :3])
    with pytest.raises(ValueError, match=r"got shape \(10,\)"):
        autocorrelation(good[0])
    for value in (np.nan, np.inf):
        bad = good.copy()
        bad[1, 3] = value
        for function in (potential_scale_reduction, effective_sample_size, autocorrelation):
            with pytest.raises(ValueError, match="trace must be finite"):
                function(bad)
    with pytest.raises(ValueError, match="kind must be one of rank, bulk, folded, split, identity, got 'z'"):
        potential_scale_reduction(good, "z")
    with pytest.raises(ValueError, match="kind must be one of bulk, tail, mean, got 'all'"):
        effective_sample_size(good, "all")
    with pytest.raises(ValueError, match=r"prob must be two numbers in \(0, 1\)"):
        effective_sample_size(good, "tail", prob=(0.0, 0.5))
