"""Whole optimizers beside optax's on ten million parameters; a step of skip-gram beside the gradient of its loss."""

import jax
import jax.numpy as jnp
import optax
import pytest

from kexue.optimizers.methods.adafactor import adafactor
from kexue.optimizers.methods.adax import adax
from kexue.optimizers.methods.skipgram import skipgram_step

KEYS = jax.random.split(jax.random.key(0), 5)
PARAMS, GRADIENT = ({str(i): w for i, w in enumerate(jax.random.normal(key, (10, 1_000, 1_000)))} for key in KEYS[:2])
VOCABULARY, DIM, BATCH, NEGATIVES = 20_000, 64, 512, 5


def second_step(optimizer):
    """The update after one with the same gradient, which is an argument: of a constant the squares would be folded."""
    step = jax.jit(optimizer.update)
    state = jax.block_until_ready(step(GRADIENT, optimizer.init(PARAMS), PARAMS)[1])
    return lambda: step(GRADIENT, state, PARAMS)


@pytest.mark.benchmark(group="an update of 10,000,000 parameters, AdaFactor")
@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(lambda: adafactor(0.01), id="kexue.optimizers.adafactor"),
        pytest.param(lambda: optax.adafactor(0.01), id="optax.adafactor"),
    ],
)
def test_adafactor(measure, optimizer):
    measure(second_step(optimizer()), tolerance=1e-4)


@pytest.mark.benchmark(group="an update of 10,000,000 parameters, AdaX")
@pytest.mark.parametrize(
    "optimizer",
    [
        pytest.param(lambda: adax(0.01), id="kexue.optimizers.adax"),
        # Another optimizer with as much to do. At an unchanged gradient its steps are whole, AdaX's second is 0.19.
        pytest.param(lambda: optax.adam(0.0019, eps=0.0, eps_root=1e-8), id="optax.adam"),
    ],
)
def test_adax(measure, optimizer):
    measure(second_step(optimizer()), tolerance=1e-3)


def by_autodiff(embed_in, embed_out, centre, target, negatives, learning_rate):
    def loss(pair):
        h, near, far = pair[0][centre], pair[1][target], pair[1][negatives]
        near, far = jnp.sum(h * near, axis=1), jnp.einsum("bd,bkd->bk", h, far)
        return -jnp.sum(jax.nn.log_sigmoid(near)) - jnp.sum(jax.nn.log_sigmoid(-far))

    tables = embed_in, embed_out
    return jax.tree.map(lambda w, g: w - learning_rate * g, tables, jax.grad(loss)(tables))


def ten_steps(step):
    """In a loop, where what is updated in place may be."""
    ids = [jax.random.randint(key, (10, *shape), 0, VOCABULARY) for key, shape in zip(KEYS[2:], SHAPES, strict=True)]

    @jax.jit
    def run(tables, ids):
        return jax.lax.scan(lambda tables, ids: (step(*tables, *ids, 0.1), None), tables, ids)[0]

    tables = tuple(jax.random.normal(key, (VOCABULARY, DIM)) for key in KEYS[:2])
    return lambda: run(tables, ids)


SHAPES = ((BATCH,), (BATCH,), (BATCH, NEGATIVES))


@pytest.mark.benchmark(group="10 steps of skip-gram: 20,000 words, batches of 512, 5 negatives")
@pytest.mark.parametrize(
    "step",
    [
        pytest.param(skipgram_step, id="kexue.optimizers.skipgram_step"),
        pytest.param(by_autodiff, id="jax.grad"),
    ],
)
def test_skipgram(measure, step):
    measure(ten_steps(step), tolerance=1e-5)
