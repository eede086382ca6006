"""Nash's solution by the condition and the maximum that define it, IMTL-G's by its equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers.tasks.balance import normalised_sum
from kexue.optimizers.tasks.bargain import imtl_g, nash


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


def published(grads):
    """The closed form as the paper has it, by differences to the first task."""
    units = grads / np.linalg.norm(grads, axis=1, keepdims=True)
    rest = grads[0] @ (units[0] - units[1:]).T @ np.linalg.inv((grads[0] - grads[1:]) @ (units[0] - units[1:]).T)
    return np.r_[1 - rest.sum(), rest]


@pytest.mark.parametrize("tasks, size, spread", [(1, 3, 0), (2, 3, 0), (5, 20, 2), (12, 30, 1)])
def test_all_projections_are_equal_and_the_weights_sum_to_one(tasks, size, spread):
    with jax.enable_x64(True):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            grads = (rng.normal(size=(tasks, size)) + 0.3) * 10 ** rng.uniform(-spread, spread, (tasks, 1))
            solution = imtl_g(jnp.asarray(grads))
            u = np.asarray(solution.direction)
            projections = grads @ u / np.linalg.norm(grads, axis=1)
            np.testing.assert_allclose(projections, projections[0], rtol=1e-8)
            np.testing.assert_allclose(solution.weights.sum(), 1, rtol=1e-12)
            np.testing.assert_allclose(solution.weights @ grads, u, rtol=1e-9, atol=1e-12)
            assert solution.gap < 1e-10
            if tasks > 1:
                np.testing.assert_allclose(solution.weights, published(grads), rtol=1e-6)


def test_equal_projections_of_two_tasks_are_downhill_and_the_normalised_sum():
    with jax.enable_x64(True):
        for seed in range(5):
            grads = jnp.asarray(np.random.default_rng(seed).normal(size=(2, 3)))
            u, total = imtl_g(grads).direction, normalised_sum(grads)
            np.testing.assert_allclose(u / jnp.linalg.norm(u), total / jnp.linalg.norm(total), rtol=1e-10)


def test_a_short_gradient_with_a_negative_share_turns_equal_projections_around():
    grads = jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.6, 0.28**0.5]])
    for unit, sign in ((1.0, 1), (0.1, -1)):
        scaled = grads * jnp.array([[1.0], [1.0], [unit]])
        solution = imtl_g(scaled)
        projections = scaled @ solution.direction / jnp.linalg.norm(scaled, axis=1)
        np.testing.assert_allclose(projections, projections[0], rtol=1e-5)
        assert jnp.sign(projections[0]) == sign
        assert (scaled @ nash(scaled).direction > 0).all()


def test_dependent_gradients_have_no_equal_projections():
    solution = imtl_g(jnp.array([[1.0, 0.0], [-0.9, 0.436], [-0.9, -0.436]]))
    np.testing.assert_array_equal(solution.direction, 0)
    np.testing.assert_array_equal(solution.weights, 0)
    assert solution.gap == 1
