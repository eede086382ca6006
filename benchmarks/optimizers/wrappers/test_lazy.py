"""Adam on the touched rows of an embedding beside dense Adam: 1,024 of 200,000 rows of 64 numbers, donated."""

import functools

import jax
import jax.numpy as jnp
import optax
import pytest

from kexue.optimizers import lazy, lazy_adam_rows

V, D, N = 200_000, 64, 1_024
KEYS = jax.random.split(jax.random.key(0), 2)
ROWS = jax.random.permutation(KEYS[0], V)[:N]
GRADS = jax.random.normal(KEYS[1], (N, D))


def gather_and_scatter():
    step = jax.jit(functools.partial(lazy_adam_rows, learning_rate=1e-3), donate_argnums=(0, 1, 2))
    carry, count = tuple(jnp.zeros((V, D)) for _ in range(3)), 0

    def run():
        nonlocal carry, count
        for _ in range(10):
            count += 1
            carry = step(*carry, ROWS, GRADS, jnp.asarray(count))
        return carry[0][ROWS]

    return run


def dense(optimizer):
    """What happens to a gradient that has come through a gather: scattered into zeros, and every row is updated."""

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(table, state, rows, grads):
        updates, state = optimizer.update(jnp.zeros_like(table).at[rows].add(grads), state, table)
        return optax.apply_updates(table, updates), state

    carry = jnp.zeros((V, D)), jax.jit(optimizer.init)(jnp.zeros((V, D)))

    def run():
        nonlocal carry
        for _ in range(10):
            carry = step(*carry, ROWS, GRADS)
        return carry[0][ROWS]

    return run


@pytest.mark.benchmark(group="10 steps of Adam, 1,024 rows of an embedding of 200,000 x 64, donated")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(gather_and_scatter, id="kexue.optimizers.lazy_adam_rows"),
        pytest.param(lambda: dense(optax.adam(1e-3)), id="optax.adam"),
        pytest.param(lambda: dense(lazy(optax.adam(1e-3), True, True)), id="kexue.optimizers.lazy"),
    ],
)
def test_lazy(measure, make):
    # The first ten steps are compared: the same rows, to float32.
    measure(make(), tolerance=1e-5)
