"""Slow weights beside the optimizer that they are wrapped around, and beside optax's: ten steps of 10 million parameters.

Parameters and state are donated from one step to the next, as in training; ten steps hold two synchronisations.
"""

import functools

import jax
import jax.numpy as jnp
import optax
import pytest

from kexue.optimizers import average, lookahead

SHAPES = {"b": (1_000,), "u": (1_999, 1_000), "w": (2_000, 4_000)}
KEYS = dict(zip(SHAPES, jax.random.split(jax.random.key(0), 3), strict=True))
GRADIENT = {name: 0.01 * jax.random.normal(KEYS[name], shape) for name, shape in SHAPES.items()}


def weights():
    return {name: jnp.ones(shape) for name, shape in SHAPES.items()}


def ten_steps(optimizer, start=weights):
    """Ten steps further each time; returned are two of the many numbers, so that the rest can be donated."""

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params, state, gradient):
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    carry = start(), jax.jit(optimizer.init)(start())

    def run():
        nonlocal carry
        for _ in range(10):
            carry = step(*carry, GRADIENT)
        return jax.tree.leaves(carry[0])[0][:2]

    return run


def with_slow_weights():
    return optax.LookaheadParams(fast=weights(), slow=weights())


# The first ten steps are compared, of a thousandth each: slow weights hold back a part of that.
WRAPPERS = pytest.mark.parametrize(
    ("wrapped", "tolerance"),
    [
        pytest.param(lambda inner: ten_steps(lookahead(inner, 5, 0.5)), 1e-6, id="kexue.optimizers.lookahead"),
        pytest.param(ten_steps, 0.01, id="no wrapper"),
        pytest.param(lambda inner: ten_steps(average(inner, 0.999)), 0.01, id="kexue.optimizers.average"),
        pytest.param(
            lambda inner: ten_steps(optax.lookahead(inner, 5, 0.5), with_slow_weights), 1e-6, id="optax.lookahead"
        ),
    ],
)


@pytest.mark.benchmark(group="10 steps of 10,000,000 parameters, donated, Adam")
@WRAPPERS
def test_adam(measure, wrapped, tolerance):
    measure(wrapped(optax.adam(1e-3)), tolerance=tolerance)


@pytest.mark.benchmark(group="10 steps of 10,000,000 parameters, donated, momentum")
@WRAPPERS
def test_momentum(measure, wrapped, tolerance):
    measure(wrapped(optax.sgd(1e-3, momentum=0.9)), tolerance=tolerance)
