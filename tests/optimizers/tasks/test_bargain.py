"""Nash's solution by the condition and the maximum that define it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers.tasks.balance import normalised_sum
from kexue.optimizers.tasks.bargain import nash


@pytest.mark.parametrize("tasks, size, spread", [(1, 3, 0), (2, 3, 0), (5, 20, 4), (12, 30, 2)])
def test_every_task_gains_the_same_share(tasks, size, spread):
    with jax.enable_x64(True):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            grads = (rng.normal(size=(tasks, size)) + 0.3) * 10 ** rng.uniform(-spread, spread, (tasks, 1))
            solution = nash(jnp.asarray(grads))
            alpha = np.asarray(solution.weights)
            assert (alpha > 0).all()
            np.testing.assert_allclose(grads @ grads.T @ alpha, 1 / alpha, rtol=1e-6)
            np.testing.assert_allclose(solution.direction, alpha @ grads, atol=1e-9)
            np.testing.assert_allclose(solution.direction @ solution.direction, tasks, rtol=1e-9)
            assert solution.gap < 1e-6


def test_it_is_the_largest_product_of_gains_over_a_ball():
    with jax.enable_x64(True):
        grads = np.random.default_rng(1).normal(size=(4, 6))
        u = np.asarray(nash(jnp.asarray(grads)).direction)
    moves = np.random.default_rng(2).normal(size=(2000, 6)) * np.geomspace(1e-3, 1, 2000)[:, None]
    others = u + moves
    gains = grads @ (others / np.linalg.norm(others, axis=1, keepdims=True) * np.linalg.norm(u)).T
    products = np.where((gains > 0).all(axis=0), gains.prod(axis=0), 0)
    assert products.max() < (grads @ u).prod()
    assert products.max() > 0.999 * (grads @ u).prod()


def test_two_tasks_are_the_normalised_sum():
    with jax.enable_x64(True):
        for seed in range(5):
            grads = jnp.asarray(np.random.default_rng(seed).normal(size=(2, 3)))
            total = normalised_sum(grads)
            np.testing.assert_allclose(nash(grads).direction, total * 2**0.5 / jnp.linalg.norm(total), rtol=1e-10)


@pytest.mark.parametrize("dtype, tasks", [("float32", 20), ("float64", 3)])
def test_without_a_solution_nothing_moves(dtype, tasks):
    with jax.enable_x64(dtype == "float64"):
        angles = np.arange(tasks) * 2 * np.pi / tasks
        solution = nash(jnp.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=1), dtype))
        np.testing.assert_array_equal(solution.direction, 0)
        np.testing.assert_array_equal(solution.weights, 0)
        assert solution.gap == 1


def test_close_to_opposite_tasks_still_agree():
    slope = 1e-2
    solution = nash(jnp.array([[1.0, slope], [-1.0, slope]]))
    np.testing.assert_allclose(solution.direction, [0, 2**0.5], atol=1e-2)
    assert solution.gap < 1e-2


def test_who_has_no_gradient_has_no_part():
    grads = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5)), jnp.float32)
    with_zero = nash(jnp.concatenate([grads[:1], jnp.zeros((1, 5)), grads[1:]]))
    np.testing.assert_allclose(with_zero.direction, nash(grads).direction, rtol=1e-5)
    assert with_zero.weights[1] == 0
