"""Lazy rows against NumPy loops over the rows that were visited, and dense Adam where every row is."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import lazy, lazy_adam_rows

V, D, STEPS = 5, 2, 12


@pytest.fixture(scope="module")
def visits():
    """Gradients (STEPS, V, D) of which about half the rows are zero."""
    random = np.random.default_rng(0)
    return random.normal(size=(STEPS, V, D)) * (random.random((STEPS, V, 1)) < 0.5)


def adam_by_hand(gradients, moves, decays, rate=0.1, b1=0.9, b2=0.999, eps=1e-8):
    """Adam on one row after the other: which rows move, and of which the moments decay, is said by predicates of g."""
    table, m, v = np.ones((V, D)), np.zeros((V, D)), np.zeros((V, D))
    for t, gradient in enumerate(gradients, 1):
        for row, g in enumerate(gradient):
            if decays(g):
                m[row], v[row] = b1 * m[row] + (1 - b1) * g, b2 * v[row] + (1 - b2) * g**2
            if moves(g):
                table[row] -= rate * (m[row] / (1 - b1**t)) / (np.sqrt(v[row] / (1 - b2**t)) + eps)
    return table, m, v


def follow(optimizer, gradients):
    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), None

    def run():
        with jax.numpy_dtype_promotion("standard"):
            start = jax.tree.map(lambda g: jnp.ones_like(g[0]), gradients)
            return jax.lax.scan(step, (start, optimizer.init(start)), gradients)[0]

    return jax.jit(run)()


def always(g):
    return True


def visited(g):
    return np.any(g != 0)


@pytest.mark.parametrize(
    "wrapper, moves, decays",
    [
        (lambda inner: lazy(inner, {"bias": False, "table": True}), visited, always),
        (lambda inner: lazy(inner, {"bias": False, "table": True}, freeze_moments=True), visited, visited),
        (lambda inner: lazy(inner, False), always, always),
    ],
    ids=["frozen rows", "LazyAdam", "dense"],
)
def test_three_variants_of_adam(visits, wrapper, moves, decays):
    with jax.enable_x64(True):
        gradients = {"bias": jnp.zeros((STEPS, 3)).at[0].set(1.0), "table": jnp.asarray(visits)}
        params, state = follow(wrapper(optax.adam(0.1)), gradients)
    table, m, v = adam_by_hand(visits, moves, decays)
    np.testing.assert_allclose(params["table"], table, rtol=1e-12)
    np.testing.assert_allclose(state[0].mu["table"], m, rtol=1e-12)
    np.testing.assert_allclose(state[0].nu["table"], v, rtol=1e-12)
    assert np.all(np.asarray(params["bias"]) < 0.8)  # not marked: carried on by momentum


def test_inside_a_masked_optimizer_moments_are_frozen_too(visits):
    is_table = {"bias": False, "table": True}
    with jax.enable_x64(True):
        gradients = {"bias": jnp.ones((STEPS, 3)), "table": jnp.asarray(visits)}
        inner = optax.chain(optax.masked(optax.adam(0.1), is_table), optax.clip(10.0))
        params, _ = follow(lazy(inner, is_table, freeze_moments=True), gradients)
    np.testing.assert_allclose(params["table"], adam_by_hand(visits, visited, visited)[0], rtol=1e-12)


def test_gather_and_scatter_equal_the_masked_form(visits):
    """With padding at the end of each list of rows, in one compiled loop."""
    rows = np.stack([np.argsort(~np.any(g != 0, axis=1), kind="stable") for g in visits])
    used = np.take_along_axis(np.any(visits != 0, axis=2), rows, axis=1)
    grads = np.take_along_axis(visits, rows[:, :, None], axis=1)
    rows = np.where(used, rows, np.where(np.arange(V) % 2, V, -1))  # both kinds of ids that are no rows

    def step(carry, now):
        return lazy_adam_rows(*carry, *now, learning_rate=0.1), None

    with jax.enable_x64(True):
        start = jnp.ones((V, D)), jnp.zeros((V, D)), jnp.zeros((V, D))
        now = jnp.asarray(rows), jnp.asarray(grads), jnp.arange(1, STEPS + 1)
        ours = jax.jit(lambda: jax.lax.scan(step, start, now)[0])()
    for array, expected in zip(ours, adam_by_hand(visits, visited, visited), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-12)


def test_one_visit_of_every_row_is_dense_adam_in_float32_and_bfloat16():
    gradient = np.random.default_rng(0).normal(size=(V, D))
    order = np.array([3, 1, 4, 0, 2], np.uint8)
    for dtype, rtol in ((jnp.float32, 1e-6), (jnp.bfloat16, 1e-2)):
        zeros, g = jnp.zeros((V, D), dtype), jnp.asarray(gradient, dtype)
        step = jax.jit(partial(lazy_adam_rows, rows=order, step=1, learning_rate=jnp.float32(0.1), b1=np.float64(0.9)))
        table, m, v = step(zeros, zeros, zeros, grads=g[order])
        assert table.dtype == m.dtype == v.dtype == dtype
        np.testing.assert_allclose(table, -0.1 * np.sign(gradient), rtol=rtol)
        np.testing.assert_allclose(v, 0.001 * np.asarray(g, float) ** 2, rtol=rtol)


def test_rows_of_few_bits_in_a_table_of_many_rows():
    zeros = jnp.zeros((300, 1))
    table, _, _ = jax.jit(lazy_adam_rows)(zeros, zeros, zeros, np.array([5], np.int8), jnp.ones((1, 1)), 1)
    assert np.flatnonzero(table) == [5]


def test_no_rows_change_nothing():
    table = jnp.ones((3, 2))
    after = jax.jit(lazy_adam_rows)(table, table, table, jnp.zeros(0, jnp.int32), jnp.zeros((0, 2)), 1)
    for array in after:
        np.testing.assert_array_equal(array, table)


def test_share_of_the_way_that_is_gone_after_the_word_has_left():
    """The tail of one occurrence late in training, of which laziness cuts nine tenths off."""
    b1, b2, n = 0.9, 0.999, 2000
    late = optax.ScaleByAdamState(jnp.array(10**6), jnp.zeros((1, 1)), jnp.zeros((1, 1)))

    def moved(optimizer, state):
        def step(state, gradient):
            updates, state = optimizer.update(gradient, state)
            return state, updates

        def run():
            with jax.numpy_dtype_promotion("standard"):
                return jax.lax.scan(step, state, jnp.zeros((n, 1, 1)).at[0].set(1.0))[1]

        return np.asarray(jax.jit(run)(), float).sum()

    inner = optax.scale_by_adam(b1, b2, eps=0.0)
    dense, frozen = moved(inner, late), moved(lazy(inner, True), late)
    first = (1 - b1) / (1 - b2) ** 0.5
    np.testing.assert_allclose(frozen, first, rtol=1e-3)
    np.testing.assert_allclose(dense, first / (1 - b1 / b2**0.5), rtol=1e-3)


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"rows": jnp.array([0.0, 1.0])}, TypeError, "rows must hold integers, got float32"),
        ({"rows": jnp.array([0, -1])}, ValueError, "rows must be at least 0, got -1"),
        ({"rows": jnp.array([1, 1])}, ValueError, "rows must be different, got 1 twice"),
        ({"rows": jnp.array([1, 0, 2])}, ValueError, r"grads must have shape \(3, 2\)"),
        ({"m": jnp.zeros((4, 2))}, ValueError, r"m must have shape \(3, 2\), .* got \(4, 2\)"),
        ({"step": 0}, ValueError, "step must be at least 1, got 0"),
        ({"b2": 1.0}, ValueError, r"b2 must be in \[0, 1\), got 1.0"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate must be at least 0"),
    ],
)
def test_bad_input_is_refused(change, error, words):
    table = jnp.zeros((3, 2))
    arguments = {
        "table": table,
        "m": table,
        "v": table,
        "rows": jnp.array([0, 1]),
        "grads": jnp.ones((2, 2)),
        "step": 1,
    }
    with pytest.raises(error, match=words):
        lazy_adam_rows(**arguments | change)
