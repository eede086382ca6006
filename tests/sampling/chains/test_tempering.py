"""Parallel tempering against exact laws and against what a single chain cannot do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kexue.sampling import geometric_ladder, metropolis_hastings, parallel_tempering, random_walk, run_chains

RHO = np.array([1.0, 0.02, 5.0, 0.3])


def on_a_ring(log_density, beta):
    return metropolis_hastings(
        log_density, lambda key, x: (x + 2 * jax.random.bernoulli(key).astype(jnp.int32) + 3) % 4, symmetric=True
    )


def test_the_joint_law_of_all_temperatures_is_kept():
    """Replicas that start exactly in the product of the tempered laws stay there, also where they swap."""
    betas = np.array([1.0, 0.5, 0.1])
    log_density = lambda x: jnp.log(jnp.asarray(RHO, jnp.float32))[x]  # noqa: E731
    kernel = parallel_tempering(log_density, betas, on_a_ring)
    rng, chains = np.random.default_rng(0), 20_000
    laws = RHO ** betas[:, None] / (RHO ** betas[:, None]).sum(1, keepdims=True)
    start = np.stack([rng.choice(4, chains, p=law) for law in laws], axis=1).astype(np.int32)

    def run(key, replicas):
        state = kernel.init(replicas[0])._replace(replicas=replicas, log_densities=jax.vmap(log_density)(replicas))
        return jax.lax.scan(lambda s, k: kernel.step(k, s), state, jax.random.split(key, 4))

    states, infos = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(1), chains), start)
    joint = np.einsum("a,b,c->abc", *laws).ravel()
    counts = np.bincount(np.asarray(states.replicas) @ [16, 4, 1], minlength=64)
    likely = joint * chains > 1
    assert stats.chisquare(counts[likely], counts[likely].sum() * joint[likely] / joint[likely].sum()).pvalue > 1e-3
    np.testing.assert_allclose(states.log_densities, np.log(RHO)[np.asarray(states.replicas)], rtol=1e-4, atol=1e-5)
    # Even and odd pairs take turns, and swap as often as the formula says on average over the product law.
    swapped = np.asarray(infos.is_swapped).mean(0)
    assert np.all(swapped[[1, 3], 0] == 0) and np.all(swapped[[0, 2], 1] == 0)
    energy = np.log(RHO)
    for i, time in ((0, 2), (1, 3)):
        chance = np.minimum(1, np.exp((betas[i] - betas[i + 1]) * (energy[None, :] - energy[:, None])))
        np.testing.assert_allclose(swapped[time, i], laws[i] @ chance @ laws[i + 1], atol=0.015)
    assert np.all(np.sort(np.asarray(states.walkers), axis=1) == np.arange(3))


def test_two_modes_far_apart():
    log_density = lambda x: jnp.logaddexp(jnp.log(0.7) - (x + 6) ** 2 / 2, jnp.log(0.3) - (x - 6) ** 2 / 2)  # noqa: E731
    ladder = geometric_ladder(5, 0.02)
    walk = lambda f, beta: random_walk(f, 2.4 / jnp.sqrt(beta))  # noqa: E731
    keys, start = jax.random.split(jax.random.key(2), 16), np.full(16, 6.0, np.float32)
    _, stuck, _ = run_chains(random_walk(log_density, 1.0), keys, start, 1000)
    _, mixed, acceptance = run_chains(parallel_tempering(log_density, ladder, walk), keys, start, 3000)
    assert np.all(np.asarray(stuck) > 0)
    np.testing.assert_allclose((np.asarray(mixed[:, 300:]) > 0).mean(), 0.3, atol=0.03)
    assert acceptance.shape == (16, 5) and mixed.shape == (16, 3000) and mixed.dtype == jnp.float32


def test_refusals():
    walk = lambda f, beta: random_walk(f, 1.0)  # noqa: E731
    for betas in ([1.0], [0.9, 0.5], [1.0, 0.5, 0.5], [1.0, 0.5, -0.1], [1.0, 0.0], [[1.0, 0.5]], [1.0, np.nan]):
        with pytest.raises(ValueError, match="betas must fall strictly from 1 to a positive number, got"):
            parallel_tempering(lambda x: -(x**2), betas, walk)
    for number, lowest in ((1, 0.1), (3, 0.0), (3, 1.0)):
        with pytest.raises(ValueError, match="at least 2 steps and a lowest value"):
            geometric_ladder(number, lowest)
    kernel = parallel_tempering(lambda x: x * 0 - jnp.inf, [1.0, 0.5], walk)
    with pytest.raises(ValueError, match="above -inf at the start, got -inf"):
        kernel.init(jnp.array(1.0))
