"""The optimizers of ``kexue.dynamics`` against optax's own: one update of a million parameters."""

import jax
import jax.numpy as jnp
import optax
import pytest

from kexue.dynamics.adaptive import rmsprop
from kexue.dynamics.momentum import heavy_ball

KEYS = jax.random.split(jax.random.key(0), 2)
PARAMS, GRADIENT = ({"w": jax.random.normal(key, (1_000, 1_000)), "b": jnp.zeros(1_000)} for key in KEYS)


def ten_updates(optimizer):
    """Ten, so that the time is the arithmetic's and not the dispatch's."""

    def step(carry, _):
        params, state = carry
        gradient = jax.tree.map(lambda g, p: g + 0.1 * p, GRADIENT, params)
        updates, state = optimizer.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), None

    @jax.jit
    def run(params):
        (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=10)
        return params["w"]

    return run


@pytest.mark.benchmark(group="10 updates of 1,001,000 parameters, momentum")
@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(heavy_ball(0.01, 0.9), id="kexue.dynamics.heavy_ball"),
        pytest.param(optax.sgd(0.01, momentum=0.9), id="optax.sgd"),
    ],
)
def test_heavy_ball(measure, optimizer):
    measure(ten_updates(optimizer), PARAMS, tolerance=1e-6)


@pytest.mark.benchmark(group="10 updates of 1,001,000 parameters, RMSprop")
@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(rmsprop(0.01, 0.9, 1e-8), id="kexue.dynamics.adaptive.rmsprop"),
        pytest.param(optax.rmsprop(0.01, 0.9, 1e-8), id="optax.rmsprop"),
    ],
)
def test_rmsprop(measure, optimizer):
    measure(ten_updates(optimizer), PARAMS, tolerance=1e-5)
