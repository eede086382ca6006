"""The bytes of a state, against the state itself."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers.methods.adafactor import adafactor
from kexue.optimizers.methods.memory import state_bytes

PARAMS = {"w": np.ones((130, 140), np.float32), "b": jnp.ones(7, jnp.bfloat16), "scale": 1.0}


@pytest.mark.parametrize(
    "optimizer",
    [optax.adam(1e-3), optax.sgd(0.1), optax.sgd(0.1, 0.9), optax.adafactor(1e-2), adafactor(), optax.lion(1e-3)],
    ids=["adam", "sgd", "momentum", "optax.adafactor", "adafactor", "lion"],
)
def test_is_what_the_state_weighs(optimizer):
    state = optimizer.init(jax.tree.map(jnp.asarray, PARAMS))
    assert state_bytes(optimizer, PARAMS) == sum(jnp.asarray(leaf).nbytes for leaf in jax.tree.leaves(state))


def test_of_shapes_alone():
    layer = jax.ShapeDtypeStruct((1_000_000, 1_000_000), jnp.float32)  # four terabytes
    assert state_bytes(adafactor(1e-2), layer) == 4 * 2_000_000 + 4
    assert state_bytes(optax.adam(1e-3), layer) == 8 * 10**12 + 4


@pytest.mark.parametrize(
    "optimizer, params, message",
    [
        ("adam", PARAMS, "optimizer must have a function init, as optax's have, got 'adam'"),
        (optax.adam(1e-3), {"w": "wide"}, r"params\['w'\] must be an array or a shape with a dtype, got 'wide'"),
    ],
)
def test_bad_input(optimizer, params, message):
    with pytest.raises(ValueError, match=message):
        state_bytes(optimizer, params)
