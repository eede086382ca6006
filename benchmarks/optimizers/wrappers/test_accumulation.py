"""Accumulation beside optax.MultiSteps: eight micro-steps of 10 million parameters, two of them updates, donated."""

import functools

import jax
import jax.numpy as jnp
import optax
import pytest

from kexue.optimizers import accumulate

SHAPE, EVERY = (2_500, 4_000), 4
GRADIENT = 0.01 * jax.random.normal(jax.random.key(0), SHAPE)


def eight_steps(optimizer):
    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params, state, gradient):
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    carry = jnp.ones(SHAPE), jax.jit(optimizer.init)(jnp.ones(SHAPE))

    def run():
        nonlocal carry
        for _ in range(2 * EVERY):
            carry = step(*carry, GRADIENT)
        return carry[0][0, :100]

    return run


@pytest.mark.benchmark(group="8 micro-steps of 10,000,000 parameters, 2 updates of Adam, donated")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: accumulate(optax.adam(1e-3), EVERY), id="kexue.optimizers.accumulate"),
        pytest.param(
            lambda: optax.MultiSteps(optax.adam(1e-3), EVERY).gradient_transformation(), id="optax.MultiSteps"
        ),
    ],
)
def test_accumulate(measure, make):
    measure(eight_steps(make()), tolerance=1e-5)  # the first two updates
