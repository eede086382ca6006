"""kexue.training.train: against closed forms and a hand-written loop; under jit, vmap and grad; bad input."""

import inspect
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import Array
from jaxtyping import TypeCheckError

from kexue.training import Run, train

HESSIAN = jnp.array([1.0, 4.0])
START = jnp.array([1.0, -2.0])
RATE = 0.1


@pytest.fixture
def loose():
    """Adam, schedules and others of optax add an integer step count to floats."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def bowl(x: Array) -> Array:
    return 0.5 * jnp.sum(HESSIAN * x**2)


def distance(x: Array, target: Array) -> Array:
    return jnp.mean((x - target) ** 2)


def draw(key: Array) -> Array:
    return jax.random.normal(key, (8, 2))


def by_hand(loss, params, optimizer, steps, *, batch=None, key=None):
    """The loop that everybody writes; the reference for what follows."""
    opt_state, losses, path = optimizer.init(params), [], [params]

    @jax.jit
    def step(params, opt_state, *data):
        value, gradient = jax.value_and_grad(loss)(params, *data)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    for k in range(steps):
        data = () if batch is None else (batch(jax.random.fold_in(key, k)),)
        params, opt_state, value = step(params, opt_state, *data)
        losses.append(value)
        path.append(params)
    return params, opt_state, jnp.stack(losses), jax.tree.map(lambda *leaves: jnp.stack(leaves), *path)


def assert_same(actual, expected, **tolerance) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), **(tolerance or {"rtol": 2e-6, "atol": 1e-6}))


def test_gradient_descent_is_a_power_of_the_contraction():
    run = train(bowl, START, optax.sgd(RATE), 20, record=lambda x: x)
    path = np.asarray(START) * (1 - RATE * np.asarray(HESSIAN)) ** np.arange(21)[:, None]
    assert isinstance(run, Run) and run.losses.shape == (20,) and run.history.shape == (21, 2)
    assert_same(run.history, path)
    assert_same(run.params, path[-1])
    assert_same(run.losses, jax.vmap(bowl)(jnp.asarray(path[:-1], jnp.float32)))


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.sgd(RATE, momentum=0.9, nesterov=True),
        optax.adam(RATE),
        optax.chain(optax.clip_by_global_norm(0.5), optax.rmsprop(optax.cosine_decay_schedule(RATE, 10))),
        optax.multi_transform({"fast": optax.sgd(0.2), "still": optax.set_to_zero()}, {"a": "fast", "b": "still"}),
    ],
    ids=["nesterov", "adam", "chain", "multi_transform"],
)
def test_any_optimizer_equals_the_loop_by_hand(optimizer, loose):
    params = {"a": START, "b": jnp.array(0.3)}

    def loss(p: dict[str, Array], noise: Array) -> Array:
        return bowl(p["a"]) + distance(p["a"] * p["b"], noise)

    arguments = {"batch": draw, "key": jax.random.key(3)}
    run = train(loss, params, optimizer, 12, record=lambda p: p, **arguments)
    params, opt_state, losses, path = by_hand(loss, params, optimizer, 12, **arguments)
    assert_same(run.params, params)
    assert_same(run.opt_state, opt_state)
    assert_same(run.losses, losses)
    assert_same(run.history, path)


def test_a_shorter_run_is_the_beginning_of_a_longer_one(loose):
    key = jax.random.key(0)
    short, long = (train(distance, START, optax.adam(RATE), n, batch=draw, key=key) for n in (5, 9))
    assert_same(short.losses, long.losses[:5], rtol=0)
    assert not np.allclose(
        short.losses, train(distance, START, optax.adam(RATE), 5, batch=draw, key=jax.random.key(1)).losses
    )


def test_equinox_modules_keep_what_is_not_trained(loose):
    class Model(eqx.Module):
        layers: eqx.nn.MLP
        scale: float
        calls: Array

    model = Model(eqx.nn.MLP(2, 1, 8, 1, key=jax.random.key(0)), 2.0, jnp.array(7))

    def loss(model: Model, x: Array) -> Array:
        return jnp.mean((model.scale * jax.vmap(model.layers)(x)[:, 0] - x[:, 0] * x[:, 1]) ** 2)

    @eqx.filter_jit
    def fit(model: Model, key: Array) -> Run:
        return train(loss, model, optax.adam(0.02), 200, batch=draw, key=key, record=lambda m: m.layers.layers[0].bias)

    run = fit(model, jax.random.key(1))
    assert jax.tree.structure(run.params) == jax.tree.structure(model)
    assert run.params.calls == 7 and run.params.scale == 2.0
    assert run.history.shape == (201, 8)
    assert run.losses[-50:].mean() < 0.25 * run.losses[:50].mean()


@pytest.mark.parametrize(
    "optimizer",
    [optax.lbfgs(), optax.polyak_sgd(), optax.chain(optax.sgd(RATE), optax.contrib.reduce_on_plateau(patience=2))],
    ids=["lbfgs", "polyak_sgd", "reduce_on_plateau"],
)
def test_optimizers_that_ask_for_the_loss_receive_it(optimizer, loose):
    run = train(bowl, START, optimizer, 40)
    assert run.losses[-1] < 1e-4 * run.losses[0]


def test_vmap_over_keys_rates_and_starts_equals_a_loop(loose):
    def fit(key: Array, rate: Array, start: Array) -> Run:
        return train(distance, start, optax.adam(rate), 10, batch=draw, key=key, record=lambda x: x)

    keys = jax.random.split(jax.random.key(0), 4)
    rates = jnp.array([0.01, 0.03, 0.1, 0.3])
    starts = START * jnp.arange(1.0, 5.0)[:, None]
    together = jax.jit(jax.vmap(fit))(keys, rates, starts)
    single = jax.jit(fit)
    one_by_one = [single(*arguments) for arguments in zip(keys, rates, starts, strict=True)]
    assert_same(together, jax.tree.map(lambda *leaves: np.stack(leaves), *one_by_one))


def test_jit_equals_eager_and_compiles_once(loose):
    traces = []

    def loss(x: Array) -> Array:
        traces.append(x)
        return bowl(x)

    def fit(start: Array) -> Run:
        return train(loss, start, optax.adam(RATE), 15)

    jitted = jax.jit(fit)
    first = jitted(START)
    traced = len(traces)
    second = jitted(first.params)
    assert jitted._cache_size() == 1 and len(traces) == traced
    assert_same(first, fit(START))
    assert_same(second, fit(first.params))


def test_differentiable_in_the_learning_rate():
    with jax.enable_x64(True):
        start, hessian = jnp.array([1.0, -2.0]), jnp.array([1.0, 4.0])

        def final(rate: Array) -> Array:
            run = train(lambda x: 0.5 * jnp.sum(hessian * x**2), start, optax.sgd(rate, momentum=0.5), 7)
            return run.losses[-1]

        rate, step = jnp.array(0.1), 1e-5
        slope = (final(rate + step) - final(rate - step)) / (2 * step)
        np.testing.assert_allclose(jax.grad(final)(rate), slope, rtol=1e-7)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_dtypes_are_kept(dtype, loose):
    run = train(lambda x: jnp.sum(x * x), START.astype(dtype), optax.adam(RATE), 3, record=lambda x: x)
    assert run.params.dtype == run.losses.dtype == run.history.dtype == dtype


def test_numpy_starts_and_complex_parameters():
    run = train(bowl, np.array([1.0, -2.0], np.float32), optax.sgd(RATE), 20)
    assert_same(run.params, train(bowl, START, optax.sgd(RATE), 20).params)

    # |z - c|² falls by (1 - 2·rate)² a step only when the step follows the conjugate of JAX's gradient.
    target = jnp.array(1 + 2j)
    run = train(lambda z: jnp.abs(z - target) ** 2, jnp.array(0j), optax.sgd(RATE), 6)
    np.testing.assert_allclose(run.losses, 5 * (1 - 2 * RATE) ** (2 * np.arange(6)), rtol=1e-5)


def test_losses_fall_monotonically_on_a_bowl_at_a_safe_rate():
    losses = train(bowl, START, optax.sgd(0.2), 30).losses.tolist()
    assert all(after < before for before, after in pairwise(losses))


@pytest.mark.parametrize("steps", [0, -3, True])
def test_steps_out_of_range(steps):
    with pytest.raises(ValueError, match=r"steps=.* is not allowed: it must be a Python integer of at least 1"):
        train(bowl, START, optax.sgd(RATE), steps)


@pytest.mark.parametrize("steps", [2.5, None, "3", jnp.array(3)])
def test_steps_of_another_type(steps):
    with pytest.raises(TypeCheckError):
        train(bowl, START, optax.sgd(RATE), steps)
    with pytest.raises(ValueError, match="it must be a Python integer"):
        inspect.unwrap(train)(bowl, START, optax.sgd(RATE), steps)


def test_steps_that_are_traced():
    with pytest.raises(ValueError, match="it must be a Python integer"):
        jax.jit(lambda n: inspect.unwrap(train)(bowl, START, optax.sgd(RATE), n))(3)


def test_batch_and_key_come_together():
    with pytest.raises(ValueError, match="batch is given but key is not"):
        train(distance, START, optax.sgd(RATE), 3, batch=draw)
    with pytest.raises(ValueError, match="key is given but batch is not"):
        train(bowl, START, optax.sgd(RATE), 3, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (lambda x: x, r"\(2,\)"),
        (lambda x: (bowl(x), x), r"float32\(2,\)"),
        (lambda x: None, "None"),
        (lambda x: jax.lax.complex(bowl(x), bowl(x)), "complex64"),
        (lambda x: jnp.argmax(x), "int32"),
    ],
    ids=["vector", "tuple", "none", "complex", "integer"],
)
def test_loss_that_is_no_scalar(loss, shape):
    with pytest.raises(ValueError, match=f"loss must return one real number.*{shape}"):
        train(loss, START, optax.sgd(RATE), 3)


@pytest.mark.parametrize("params", [{}, 1.5, {"n": jnp.array(3)}], ids=["empty", "number", "integer"])
def test_nothing_to_train(params):
    with pytest.raises(ValueError, match="params holds no floating-point array"):
        train(lambda p: jnp.array(1.0), params, optax.sgd(RATE), 3)
