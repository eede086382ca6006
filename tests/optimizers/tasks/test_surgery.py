"""Gradient surgery against the paper's loop over full gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers.tasks.surgery import pcgrad


def algorithm_1(grads, orders):
    parts = [g.copy() for g in grads]
    for i, order in enumerate(orders):
        for j in order:
            if j != i and parts[i] @ grads[j] < 0:
                parts[i] -= parts[i] @ grads[j] / (grads[j] @ grads[j]) * grads[j]
    return sum(parts)


@pytest.mark.parametrize("tasks, size", [(3, 2), (5, 8)])
def test_algorithm_1(tasks, size):
    with jax.enable_x64(True):
        directions = []
        for seed in range(5):
            key = jax.random.key(seed)
            grads = np.random.default_rng(seed).normal(size=(tasks, size)) * 10.0 ** np.arange(tasks)[:, None]
            orders = [np.asarray(jax.random.permutation(k, tasks)) for k in jax.random.split(key, tasks)]
            found = np.asarray(pcgrad(key, jnp.asarray(grads)))
            np.testing.assert_allclose(found, algorithm_1(grads, orders), rtol=1e-9, atol=1e-9)
            directions.append(found)
        assert len({tuple(d) for d in directions}) == 5


def test_without_a_conflict_it_is_the_sum_and_two_tasks_need_no_key():
    agreed = jnp.array([[1.0, 0.1], [0.2, 3.0], [1.0, 1.0]])
    np.testing.assert_allclose(pcgrad(jax.random.key(0), agreed), agreed.sum(axis=0), rtol=1e-6)
    conflict = jnp.array([[1.0, 0.0], [-1.0, 1.0]])
    np.testing.assert_allclose(pcgrad(jax.random.key(0), conflict), [0.5, 1.5], rtol=1e-6)
    np.testing.assert_array_equal(pcgrad(jax.random.key(0), conflict), pcgrad(jax.random.key(1), conflict))


def test_of_two_tasks_none_is_hurt_and_of_three_one_may_be():
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        for tasks in (2, 3):
            grads = rng.normal(size=(500, tasks, 2))
            keys = jax.random.split(jax.random.key(0), 500)
            directions = np.asarray(jax.vmap(pcgrad)(keys, jnp.asarray(grads)))
            gains = np.einsum("ktd,kd->kt", grads, directions)
            if tasks == 2:
                assert gains.min() > -1e-12
            else:
                assert (gains.min(axis=1) < -1e-3).mean() > 0.05
