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
        if name == "ties":  # the upper quantile is the highest value: ArviZ overlooks how it moves
            ends = [array_stats.ess((trace > c).astype(float), method="mean") for c in (0, 2)]
            np.testing.assert_allclose(size.pop("tail"), min(ends), rtol=1e-6)
        for kind, value in size.items():
            prob = {"prob": (0.05, 0.95)} if kind == "tail" else {}
            np.testing.assert_allclose(value, array_stats.ess(trace, method=kind, **prob), rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(correlation, array_stats.autocorr(trace), atol=1e-12)


def test_tail_with_other_quantiles():
    trace = autoregression(np.random.default_rng(2), np.array([0.8, 0.8, 0.6]), 501)
    with jax.enable_x64(True):
        expected = array_stats.ess(trace, method="tail", prob=(0.2, 0.7))
        np.testing.assert_allclose(effective_sample_size(trace, "tail", prob=(0.2, 0.7)), expected, rtol=1e-6)


def test_the_tail_of_discrete_draws_is_the_same_turned_round():
    x = np.random.default_rng(0).integers(0, 4, (4, 500)).astype(float)
    for chain, start in enumerate((50, 150, 250, 350)):
        x[chain, start : start + 100] = 4  # one value in twenty, and every chain sticks there once
    with jax.enable_x64(True):
        expected = array_stats.ess((x == 4).astype(float), method="mean")  # of being there: 22
        for turned in (x, -x, 4 - x, 0.1 * x, 7.3 - 0.1 * x):
            np.testing.assert_allclose(effective_sample_size(turned, "tail"), expected, rtol=1e-6)
    assert 20 < expected < 24
    for turned in (x, 4 - x, 0.1 * x, 7.3 - 0.1 * x):
        single = jnp.asarray(turned, jnp.float32)
        np.testing.assert_allclose(effective_sample_size(single, "tail"), expected, rtol=1e-3)
    rng = np.random.default_rng(7)
    for prob in ((0.05, 0.95), (0.2, 0.7)):
        y = np.repeat(rng.integers(0, 6, (3, 100)), 4, axis=1)  # draws that equal a quantile in the middle
        mirrored = tuple(1 - p for p in prob[::-1])
        found, back = effective_sample_size(y, "tail", prob=prob), effective_sample_size(-y, "tail", prob=mirrored)
        np.testing.assert_allclose(back, found, rtol=1e-4)


def test_two_values_that_are_equally_frequent():
    rng = np.random.default_rng(0)
    halves = np.repeat([0, 1], 500)
    agreeing = np.stack([rng.permutation(halves) for _ in range(4)])
    shares = np.array([0.1, 0.2, 0.8, 0.9])
    apart = np.stack([rng.permutation(np.repeat([0, 1], [round(1000 * (1 - s)), round(1000 * s)])) for s in shares])
    for low, high in ((0, 1), (-3, 5), (0.1, 0.7)):
        for trace in (agreeing, apart):
            values = np.where(trace, high, low)
            with jax.enable_x64(True):
                found = potential_scale_reduction(values)
                np.testing.assert_allclose(found, array_stats.rhat(values, method="z_scale"), rtol=1e-6)
                assert found == potential_scale_reduction(values, "bulk")
            np.testing.assert_allclose(potential_scale_reduction(np.float32(values)), found, rtol=1e-4)
    assert abs(potential_scale_reduction(agreeing) - 1) < 0.01
    # scores ±c: between = c² var(2 s - 1) over eight halves, within = c² mean(4 s (1 - s))
    between, within = np.var(np.repeat(2 * shares - 1, 2), ddof=1), np.mean(4 * shares * (1 - shares))
    np.testing.assert_allclose(potential_scale_reduction(apart), np.sqrt(1 + between / within), rtol=0.02)
    assert potential_scale_reduction(np.repeat([[0.0], [1.0]], 50, axis=1)) == np.inf  # no chain leaves its value


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
    for value in (1.0, 0.1, 1e8 / 3):  # some of these have rounded means that are not the value
        for kind in KINDS:
            assert not np.isfinite(potential_scale_reduction(np.full((3, 57), value, np.float32), kind))


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
