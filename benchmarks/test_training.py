"""``kexue.training.train`` against the loops that it replaces: logistic regression on the breast cancer table."""

import jax
import jax.numpy as jnp
import optax
import pytest

from kexue import data
from kexue.training import train

STEPS = 1_000
TABLE = data.breast_cancer(standardize=True)
START = jnp.zeros(TABLE.inputs.shape[1])
RATES = jnp.geomspace(1e-3, 1e-1, 64)


def loss(w, table):
    margins = (2 * table.targets - 1) * (table.inputs @ w)
    return jnp.mean(jnp.logaddexp(0, -margins)) + 1e-3 * jnp.sum(w * w)


def fit(rate, table):
    run = train(lambda w: loss(w, table), START, optax.adam(rate), STEPS)
    return run.losses


def fit_by_scan(rate, table):
    optimizer = optax.adam(rate)

    def step(carry, _):
        w, state = carry
        value, gradient = jax.value_and_grad(loss)(w, table)
        updates, state = optimizer.update(gradient, state, w)
        return (optax.apply_updates(w, updates), state), value

    return jax.lax.scan(step, (START, optimizer.init(START)), length=STEPS)[1]


class FitByPythonLoop:
    """One jitted step, called from Python; the state's buffers are donated."""

    def __init__(self, rate):
        self.optimizer = optax.adam(rate)
        self.step = jax.jit(self._step, donate_argnums=(0, 1))

    def _step(self, w, state, table):
        value, gradient = jax.value_and_grad(loss)(w, table)
        updates, state = self.optimizer.update(gradient, state, w)
        return optax.apply_updates(w, updates), state, value

    def __call__(self, rate, table):
        w, losses = jnp.copy(START), []
        state = self.optimizer.init(w)
        for _ in range(STEPS):
            w, state, value = self.step(w, state, table)
            losses.append(value)
        return jnp.stack(losses)


@pytest.mark.benchmark(group="1,000 steps of Adam, 569 × 30 logistic regression")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(jax.jit(fit), id="kexue.training.train"),
        pytest.param(jax.jit(fit_by_scan), id="optax in a lax.scan by hand"),
        pytest.param(FitByPythonLoop(0.01), id="optax, jitted step, Python loop"),
    ],
)
def test_one_run(measure, way):
    measure(way, 0.01, TABLE, tolerance=1e-5)


def one_after_the_other(fit):
    compiled = jax.jit(fit)
    return lambda rates, table: jnp.stack([compiled(rate, table) for rate in rates])


@pytest.mark.benchmark(group="the same for 64 learning rates")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(jax.jit(jax.vmap(fit, in_axes=(0, None))), id="vmap of kexue.training.train"),
        pytest.param(one_after_the_other(fit_by_scan), id="optax in a lax.scan by hand, one rate after the other"),
    ],
)
def test_many_runs(measure, way):
    measure(way, RATES, TABLE, tolerance=1e-4)
