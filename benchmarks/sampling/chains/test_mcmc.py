"""Markov chains beside blackjax and emcee: the time for the same number of effective samples, not of steps.

A sampler is as fast as the independent draws that it is worth. The effective sample size of a run is the smallest over
all coordinates and all squares of coordinates; each sampler makes the number of steps that yields ``WORTH`` of them
(checked in the first call), and is timed on that.
"""

import arviz_stats.base
import blackjax
import emcee
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sampling import (
    effective_sample_size,
    gibbs,
    random_walk,
    redraw_token,
    run_chains,
)

DIMENSION, CHAINS, WORTH = 10, 64, 4000
COVARIANCE = 0.9 ** abs(np.subtract.outer(np.arange(DIMENSION), np.arange(DIMENSION)))
PRECISION = np.linalg.inv(COVARIANCE)
FACTOR = np.linalg.cholesky(COVARIANCE)
STARTS = (np.random.default_rng(0).normal(size=(CHAINS, DIMENSION)) @ FACTOR.T).astype(np.float32)
STEPS = {"kexue": 2150, "blackjax": 2150, "emcee": 8600}


def log_density(x):
    return -x @ jnp.asarray(PRECISION, jnp.float32) @ x / 2


# Both make the same steps: 0.75 ≈ 2.38 / √10 times a factor of the covariance.
SHAPE = np.float32(0.75) * FACTOR.astype(np.float32)
KERNEL = random_walk(log_density, SHAPE)
ALGORITHM = blackjax.additive_step_random_walk(log_density, lambda key, x: SHAPE @ jax.random.normal(key, x.shape))


def trace_of_kexue(steps):
    return run_chains(KERNEL, jax.random.split(jax.random.key(0), CHAINS), STARTS, steps)[1]


@jax.jit
def peer(keys, starts):
    def chain(key, start):
        def step(state, key):
            state, _ = ALGORITHM.step(key, state)
            return state, state.position

        return jax.lax.scan(step, ALGORITHM.init(start), jax.random.split(key, STEPS["blackjax"]))[1]

    return jax.vmap(chain)(keys, starts)


def trace_of_blackjax(steps):
    return peer(jax.random.split(jax.random.key(1), CHAINS), jnp.asarray(STARTS))


def trace_of_emcee(steps):
    def many_log_densities(x):
        return -0.5 * np.einsum("ij,jk,ik->i", x, PRECISION, x)

    sampler = emcee.EnsembleSampler(CHAINS, DIMENSION, many_log_densities, vectorize=True)
    sampler.random_state = np.random.RandomState(0).get_state()
    sampler.run_mcmc(STARTS.astype(float), steps)
    return sampler.get_chain().transpose(1, 0, 2)


def effective_samples(trace):
    trace = np.asarray(trace, np.float32)
    return float(jnp.min(effective_sample_size(np.concatenate([trace, trace**2], axis=2), "mean")))


@pytest.mark.benchmark(group="4,000 effective samples of a correlated normal law in 10 dimensions, 64 chains")
@pytest.mark.parametrize(
    "sampler",
    [
        pytest.param("kexue", id="kexue.sampling.random_walk"),
        pytest.param("blackjax", id="blackjax.additive_step_random_walk"),
        pytest.param("emcee", id="emcee.EnsembleSampler"),
    ],
)
def test_effective_samples(sampler, measure, benchmark):
    run = {"kexue": trace_of_kexue, "blackjax": trace_of_blackjax, "emcee": trace_of_emcee}[sampler]
    found = effective_samples(run(STEPS[sampler]))
    assert 0.85 * WORTH < found < 1.2 * WORTH, f"{sampler} makes {found:.0f} effective samples, not {WORTH}"
    benchmark.extra_info["effective_samples"] = found

    def covariance():
        return np.cov(np.asarray(run(STEPS[sampler])).reshape(-1, DIMENSION).T)

    measure(covariance, tolerance=0.2)


TRACE = np.random.default_rng(1).normal(size=(64, 2000, 10)).cumsum(1).astype(np.float32)


@pytest.mark.benchmark(group="Bulk effective sample size of 10 statistics, 64 chains of 2,000 draws")
@pytest.mark.parametrize(
    "library",
    [
        pytest.param("kexue", id="kexue.sampling.effective_sample_size"),
        pytest.param("arviz", id="arviz_stats.base.array_stats.ess"),
    ],
)
def test_effective_sample_size(library, measure):
    def theirs():
        return arviz_stats.base.array_stats.ess(TRACE.transpose(2, 0, 1), chain_axis=-2, draw_axis=-1, method="bulk")

    measure((lambda: effective_sample_size(TRACE)) if library == "kexue" else theirs, tolerance=1e-3)


WORDS, LENGTH, SWEEPS = 2000, 8, 50
TABLE = np.log(np.random.default_rng(2).dirichlet(np.full(WORDS, 0.1), WORDS) + 1e-6).astype(np.float32)
LEFT, RIGHT = jnp.asarray(TABLE), jnp.asarray(TABLE.T.copy())


def sentence_score(x):
    return LEFT[x[:-1], x[1:]].sum()


def between_neighbours(x, i):
    left = jnp.where(i > 0, LEFT[x[i - 1]], 0.0)
    return left + jnp.where(i < LENGTH - 1, RIGHT[x[jnp.minimum(i + 1, LENGTH - 1)]], 0.0)


def by_categorical(key, x, i):
    return x.at[i].set(jax.random.categorical(key, between_neighbours(x, i)).astype(x.dtype))


SWEEP = {
    "kexue": gibbs(sentence_score, redraw_token(between_neighbours), np.arange(LENGTH)),
    "jax": gibbs(sentence_score, by_categorical, np.arange(LENGTH)),
}


@pytest.mark.benchmark(group="50 Gibbs sweeps over 8 of 2,000 words, 32 chains")
@pytest.mark.parametrize(
    "draw",
    [
        pytest.param("kexue", id="kexue.sampling.redraw_token"),
        pytest.param("jax", id="jax.random.categorical"),
    ],
)
def test_gibbs(draw, measure):
    keys, start = jax.random.split(jax.random.key(0), 32), np.zeros((32, LENGTH), np.int32)

    def mean_score():
        return run_chains(SWEEP[draw], keys, start, SWEEPS)[0].log_density.mean()

    measure(mean_score, tolerance=0.2)
