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


@pytest.mark.parametrize(
    "wrapper", ["kexue.optimizers.lookahead", "no wrapper", "kexue.optimizers.average", "optax.lookahead"]
)
@pytest.mark.parametrize("inner", [optax.adam(1e-3), optax.sgd(1e-3, momentum=0.9)], ids=["Adam", "momentum"])
def test_lookahead(measure, benchmark, inner, wrapper):
    name = benchmark.name.split("[")[1].split("-")[0]
    benchmark.group = f"10 steps of 10,000,000 parameters, donated, {name}"
    run = {
        "kexue.optimizers.lookahead": lambda: ten_steps(lookahead(inner, 5, 0.5)),
        "no wrapper": lambda: ten_steps(inner),
        "kexue.optimizers.average": lambda: ten_steps(average(inner, 0.999)),
        "optax.lookahead": lambda: ten_steps(optax.lookahead(inner, 5, 0.5), with_slow_weights),
    }[wrapper]()
    # The first ten steps are compared, of a thousandth each: slow weights hold back a part of that.
    measure(run, tolerance=1e-6 if wrapper.endswith("lookahead") else 0.01)
