"""Perturbed maxima: one quadrature for all rows beside SciPy's adaptive one a number; sampling without replacement."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

from kexue.sampling import gumbel_top_k, perturbed_argmax_probs

SCORES = np.random.default_rng(0).normal(size=(1_000, 10)).astype(np.float32)


def ours():
    return jax.jit(lambda mu: perturbed_argmax_probs(mu, "normal", 32))


def hermite():
    """The same integrals by Gauss–Hermite in NumPy, one noise a class: n² products a node."""
    e, w = special.roots_hermitenorm(32)

    def probs(mu):
        lead = np.asarray(mu, float)[:, :, None] - np.asarray(mu, float)[:, None, :]
        log_cdf = special.log_ndtr(lead[..., None] + e).sum(2) - special.log_ndtr(e)  # the class itself is taken out
        return np.exp(log_cdf) @ w / w.sum()

    return probs


def adaptive():
    """scipy.integrate.quad with scalar functions of the math module, number after number."""

    def win(mu, i):
        leads = [mu[i] - m for j, m in enumerate(mu) if j != i]
        cdf = lambda x: math.erfc(-x / math.sqrt(2)) / 2  # noqa: E731
        density = lambda e: math.exp(-e * e / 2) * math.prod(cdf(lead + e) for lead in leads)  # noqa: E731
        return integrate.quad(density, -9, 9, epsabs=1e-7, epsrel=1e-7)[0] / math.sqrt(2 * math.pi)

    return lambda mu: np.array([[win(row, i) for i in range(len(row))] for row in np.asarray(mu, float).tolist()])


@pytest.mark.benchmark(group="normal noise: probabilities of 1,000 rows of 10 scores")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(ours, id="kexue.sampling.perturbed_argmax_probs"),
        pytest.param(hermite, id="NumPy and scipy.special, Gauss-Hermite, a class at a time"),
        pytest.param(adaptive, id="scipy.integrate.quad, a number at a time"),
    ],
)
def test_probabilities(measure, make):
    measure(make(), jnp.asarray(SCORES), tolerance=1e-5)


LOG_WEIGHTS = np.random.default_rng(1).normal(size=32_000).astype(np.float32)
DRAWS, K = 16, 8


HEAVY = np.sort(LOG_WEIGHTS)[-3_200] <= LOG_WEIGHTS


def inclusion(indices):
    """The share of draws from the heaviest tenth: what all samplers must agree on, up to chance."""
    return np.array([HEAVY[np.asarray(indices)].mean()])


def top_k():
    sample = jax.jit(lambda key, mu: gumbel_top_k(key, jnp.broadcast_to(mu, (DRAWS, mu.size)), K)[0])
    return lambda mu: inclusion(sample(jax.random.key(0), mu))


def jax_choice():
    def one(key, mu):
        return jax.random.choice(key, mu.size, (K,), replace=False, p=jax.nn.softmax(mu))

    sample = jax.jit(lambda key, mu: jax.vmap(one, (0, None))(jax.random.split(key, DRAWS), mu))
    return lambda mu: inclusion(sample(jax.random.key(0), mu))


def numpy_choice():
    def sample(mu):
        rng, p = np.random.default_rng(0), special.softmax(np.asarray(mu, float))
        return inclusion(np.stack([rng.choice(p.size, K, replace=False, p=p) for _ in range(DRAWS)]))

    return sample


@pytest.mark.benchmark(group="16 samples of 8 of 32,000 without replacement")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(top_k, id="kexue.sampling.gumbel_top_k"),
        pytest.param(jax_choice, id="jax.random.choice(replace=False)"),
        pytest.param(numpy_choice, id="numpy.random.Generator.choice(replace=False)"),
    ],
)
def test_without_replacement(measure, make):
    measure(make(), jnp.asarray(LOG_WEIGHTS), tolerance=0.5)
