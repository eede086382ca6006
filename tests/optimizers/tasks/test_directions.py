"""What every combination of gradients keeps: one row a method, and the table of their invariances."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers.tasks.balance import normalised_sum
from kexue.optimizers.tasks.bargain import imtl_g, nash
from kexue.optimizers.tasks.gradients import task_gradients, weighted_sum
from kexue.optimizers.tasks.hulls import cagrad, main_and_auxiliary, min_norm
from kexue.optimizers.tasks.losses import (
    log_sum_loss,
    optimal_log_variances,
    power_mean,
    relative_loss,
    uncertainty_loss,
)
from kexue.optimizers.tasks.surgery import pcgrad

KEY = jax.random.key(5)
GRADS = jax.random.normal(jax.random.key(2), (3, 7))  # of one shape, so that little is compiled


def corrected_mean(grads):
    first = jax.tree.leaves(grads)[0]
    weights = jnp.array([0.5, 1.0, 2.0], first.real.dtype)[: len(first)]
    return main_and_auxiliary(weighted_sum(grads, weights), grads).direction


# Every method on gradients is one row and inherits every check below.
DIRECTIONS = {
    "sum": lambda grads: weighted_sum(grads, jnp.ones(len(jax.tree.leaves(grads)[0]))),
    "normalised": normalised_sum,
    "min_norm": lambda grads: min_norm(grads).direction,
    "cagrad": lambda grads: cagrad(grads, 0.4).direction,
    "nash": lambda grads: nash(grads).direction,
    "imtl_g": lambda grads: imtl_g(grads).direction,
    "pcgrad": lambda grads: pcgrad(KEY, grads),
    "corrected mean": corrected_mean,
}


def tree(seed, tasks=3, dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(seed), 2)
    w, b = (jax.random.normal(key, (tasks, *s), dtype) for key, s in zip(keys, [(3, 2), ()], strict=True))
    return {"w": w + jnp.asarray(0.3, dtype), "b": (b, None)}


def flat(grads):
    return np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(grads)], axis=1)


def assert_same(first, second, **tolerance):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), first, second)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS.keys())
class TestEveryDirection:
    def test_jit_is_eager_vmap_is_a_loop_and_a_tree_is_one_vector(self, direction, caplog):
        grads = [tree(n) for n in range(3)]
        looped = [direction(g) for g in grads]
        with jax.log_compiles(), caplog.at_level(logging.WARNING):
            assert_same(direction(grads[0]), looped[0], rtol=0, atol=0)
        assert not caplog.records  # the second bare call compiles nothing
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *grads)
        batched = jax.jit(jax.vmap(direction))(stacked)
        assert_same(batched, jax.tree.map(lambda *leaves: np.stack(leaves), *looped), rtol=2e-5, atol=2e-6)
        one = direction(jnp.asarray(flat(grads[0])))
        np.testing.assert_allclose(one, np.r_[looped[0]["b"][0], looped[0]["w"].ravel()], rtol=2e-5, atol=2e-6)

    def test_dtype_is_kept_and_integers_stay(self, direction):
        grads = tree(0, dtype=jnp.bfloat16)
        update = direction(grads | {"count": jnp.ones((3, 2), int)})
        np.testing.assert_array_equal(update.pop("count"), jnp.zeros(2, int))
        exact = direction(jax.tree.map(lambda g: g.astype(jnp.float32), grads))
        for leaf, single in zip(jax.tree.leaves(update), jax.tree.leaves(exact), strict=True):
            assert leaf.dtype == jnp.bfloat16 and leaf.shape == single.shape
            np.testing.assert_allclose(leaf.astype(jnp.float32), single, atol=0.03)

    def test_a_complex_leaf_is_its_real_and_imaginary_part(self, direction):
        grads = GRADS
        update = direction([jax.lax.complex(grads[:, :3], grads[:, 3:6]), grads[:, 6:]])
        parts = jnp.concatenate([update[0].real, update[0].imag, update[1]])
        assert update[0].dtype == jnp.complex64
        np.testing.assert_allclose(parts, direction(grads), rtol=1e-5, atol=1e-6)

    def test_one_task_keeps_its_direction(self, direction):
        grads = tree(1, tasks=1)
        update = flat(jax.tree.map(lambda leaf: leaf[None], direction(grads)))[0]
        gradient = flat(grads)[0]
        np.testing.assert_allclose(update / np.linalg.norm(update), gradient / np.linalg.norm(gradient), rtol=1e-5)

    def test_no_gradient_moves_nothing(self, direction):
        zeros = jax.tree.map(jnp.zeros_like, tree(0))
        assert_same(direction(zeros), jax.tree.map(lambda leaf: leaf[0], zeros), rtol=0, atol=0)

    def test_opposite_gradients_of_one_length_cancel(self, direction):
        opposite = jnp.stack([GRADS[0], -GRADS[0], jnp.zeros(7)])
        np.testing.assert_allclose(direction(opposite), 0, atol=1e-6)

    def test_parallel_gradients_keep_their_direction(self, direction):
        update = direction(jnp.outer(jnp.array([1.0, 2.0, 0.1]), GRADS[0]))
        np.testing.assert_allclose(update / jnp.linalg.norm(update), GRADS[0] / jnp.linalg.norm(GRADS[0]), rtol=1e-5)

    def test_what_is_not_a_number_is_passed_on(self, direction):
        assert jnp.isnan(direction(GRADS.at[1, 0].set(jnp.nan))[0])

    def test_tasks_eight_decades_apart_in_single_precision(self, direction):
        grads = np.asarray(GRADS) * np.array([[1.0], [1e-8], [1e4]], np.float32)
        with jax.enable_x64(True):
            exact = direction(jnp.asarray(grads, jnp.float64))
            assert exact.dtype == jnp.float64
            exact = np.asarray(exact)
        found = np.asarray(direction(jnp.asarray(grads)), float)
        assert np.linalg.norm(found - exact) <= 2e-6 * np.linalg.norm(exact)

    @pytest.mark.parametrize("exponent", [-30, 30])
    def test_squares_outside_of_the_range(self, direction, exponent):
        far, near = direction(GRADS * 10.0**exponent), direction(GRADS)
        far /= jnp.max(jnp.abs(far))
        np.testing.assert_allclose(far / jnp.linalg.norm(far), near / jnp.linalg.norm(near), atol=1e-5)

    def test_order_of_the_tasks_does_not_matter(self, direction, request):
        if "pcgrad" in request.node.name or "corrected" in request.node.name:
            pytest.skip("a random order, or a weighted sum, drawn for the tasks as they stand")
        np.testing.assert_allclose(direction(GRADS[jnp.array([2, 0, 1])]), direction(GRADS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", [normalised_sum, min_norm, cagrad, nash, imtl_g, lambda grads: pcgrad(KEY, grads)])
@pytest.mark.parametrize("grads", [{}, np.ones(()), {"a": np.ones((2, 1)), "b": np.ones(3)}, np.ones((0, 2))])
def test_leaves_without_a_common_leading_axis_are_refused(method, grads):
    with pytest.raises(ValueError, match="grads must have leaves with one leading axis of at least one task, got"):
        method(grads)


# What happens when one loss is multiplied, one is shifted, all are multiplied: the direction stays ("yes"), changes
# only its length ("length"), or turns ("no").
def slopes(loss):
    return lambda losses, grads: weighted_sum(grads, jax.grad(loss)(losses))


def learned_uncertainty(losses):
    return uncertainty_loss(losses, optimal_log_variances(losses))


INVARIANCES = {
    "mean": (slopes(lambda losses: power_mean(losses, 1.0)), "no yes length"),
    "quadratic mean": (slopes(lambda losses: power_mean(losses, 2.0)), "no no length"),
    "geometric mean": (slopes(lambda losses: power_mean(losses, 0.0)), "length no length"),
    "log-sum": (slopes(log_sum_loss), "yes no yes"),
    "uncertainty at its optimum": (slopes(learned_uncertainty), "yes no yes"),
    "normalised": (lambda losses, grads: normalised_sum(grads), "yes yes yes"),
    "normalised with eps": (lambda losses, grads: normalised_sum(grads, 20.0), "no yes no"),
    "nash": (lambda losses, grads: nash(grads).direction, "yes yes yes"),
    "imtl_g": (lambda losses, grads: imtl_g(grads).direction, "length yes length"),
    "min_norm": (lambda losses, grads: min_norm(grads).direction, "no yes length"),
    "cagrad": (lambda losses, grads: cagrad(grads).direction, "no yes length"),
    "pcgrad": (lambda losses, grads: pcgrad(KEY, grads), "no yes length"),
}
CHANGES = (
    np.array([[1, 1, 1], [1, 100, 1], [1, 1, 1], [7, 7, 7]]),
    np.array([[0, 0, 0], [0, 0, 0], [0, 10, 0], [0, 0, 0]]),
)


def three_least_squares(x):
    keys = jax.random.split(jax.random.key(7), 2)
    a, y = jax.random.normal(keys[0], (3, 6, 8)), 2 * jax.random.normal(keys[1], (3, 6))
    return jnp.mean((a @ x - y) ** 2, axis=1)


def verdict(before, after):
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    if 1 - cosine > 1e-3:
        return "no"
    assert 1 - cosine < 1e-12
    return "yes" if np.allclose(before, after, rtol=1e-7, atol=1e-9) else "length"


@pytest.mark.parametrize("method", INVARIANCES)
def test_invariances(method):
    direction, wanted = INVARIANCES[method]
    with jax.enable_x64(True):

        def turned(scale, shift):
            return direction(*task_gradients(lambda x: scale * three_least_squares(x) + shift, jnp.ones(8)))

        before, *after = np.asarray(jax.jit(jax.vmap(turned))(*(jnp.asarray(c, float) for c in CHANGES)))
    assert " ".join(verdict(before, one) for one in after) == wanted


def test_invariances_to_the_reference_and_to_auxiliary_units():
    with jax.enable_x64(True):
        losses, grads = task_gradients(three_least_squares, jnp.ones(8))
        unit = jnp.array([1.0, 100.0, 3.0])

        def relative(scale):
            return jax.grad(lambda x: relative_loss(scale * three_least_squares(x), scale * 2 * losses))(jnp.ones(8))

        np.testing.assert_allclose(relative(unit), relative(jnp.ones(3)), rtol=1e-12)
        main = -grads[0] + jnp.arange(8.0)
        corrected = main_and_auxiliary(main, grads).direction
        assert verdict(corrected, main_and_auxiliary(main, unit[:, None] * grads).direction) == "yes"
        assert verdict(corrected, main_and_auxiliary(7 * main, grads).direction) == "length"
        assert verdict(corrected, main) == "no"


def test_a_direction_goes_into_an_optimizer_where_the_gradient_went():
    with jax.enable_x64(True):
        optimizer = optax.sgd(0.02)

        def step(carry, _):
            losses, grads = task_gradients(three_least_squares, carry[0])
            update, state = optimizer.update(min_norm(grads).direction, carry[1])
            return (optax.apply_updates(carry[0], update), state), losses

        start = jnp.ones(8)
        history = np.asarray(jax.lax.scan(step, (start, optimizer.init(start)), length=60)[1])
    assert np.diff(history, axis=0).max() <= 1e-12  # no loss ever rises
    assert (history[-1] < 0.9 * history[0]).all()
