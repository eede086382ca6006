"""Gradients of every task against jax.grad, one task at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers.tasks import gradients
from kexue.optimizers.tasks.balance import normalised_sum
from kexue.optimizers.tasks.gradients import invariance, task_gradients, weighted_sum


def plain(function):
    return getattr(function, "__wrapped__", function)  # without the check of annotations, which would answer first


def losses_fn(params, x):
    hidden = jnp.tanh(x @ params["w"]) * params["gain"]
    return jnp.stack([jnp.sum(hidden**2), jnp.mean(jnp.abs(params["z"]) ** 2 * hidden[0, 0]), jnp.sum(jnp.sin(hidden))])


PARAMS = {
    "w": jax.random.normal(jax.random.key(0), (4, 2)),
    "gain": 1.5,
    "z": jnp.array([1.0 + 2.0j, -0.5j]),
    "count": jnp.array([3, 4]),
    "none": None,
}
X = jax.random.normal(jax.random.key(1), (3, 4))


def test_each_slice_is_what_jax_grad_gives():
    losses, grads = jax.jit(task_gradients, static_argnums=0)(losses_fn, PARAMS, X)
    np.testing.assert_allclose(losses, losses_fn(PARAMS, X), rtol=1e-5)
    assert grads["count"].dtype == jnp.array(1).dtype and grads["none"] is None
    np.testing.assert_array_equal(grads["count"], jnp.zeros((3, 2), int))
    moving = {name: jnp.asarray(PARAMS[name]) for name in ("w", "gain", "z")}
    expected = jax.jit(lambda p: [jax.grad(lambda q, task=task: losses_fn(q, X)[task])(p) for task in range(3)])(moving)
    for task, gradients_of_task in enumerate(expected):
        for name, gradient in gradients_of_task.items():
            np.testing.assert_allclose(grads[name][task], gradient, rtol=1e-5, atol=1e-6)
    batched = jax.jit(jax.vmap(lambda x: task_gradients(losses_fn, moving, x)[1]))(jnp.stack([X, 2 * X]))
    np.testing.assert_allclose(batched["w"][0], grads["w"], rtol=1e-5, atol=1e-6)


def test_half_precision_is_kept():
    losses, grads = task_gradients(lambda x: jnp.stack([x.sum(), (x**2).sum()]), jnp.ones(3, jnp.bfloat16))
    assert losses.dtype == grads.dtype == jnp.bfloat16 and grads.shape == (2, 3)


def test_weighted_sum_by_hand():
    grads = {"a": jnp.arange(6.0).reshape(3, 2), "b": jnp.array([1.0, 2.0, 4.0])}
    total = weighted_sum(grads, jnp.array([1.0, 0.0, 0.5]))
    np.testing.assert_array_equal(total["a"], [2.0, 3.5])
    assert total["b"] == 3


def test_the_angle_between_old_and_new():
    def losses(x):
        return jnp.stack([x @ x, (x[0] - 1) ** 2])

    def total(losses, grads):
        return weighted_sum(grads, jnp.ones(2))

    x, unit, none = jnp.array([3.0, 4.0]), jnp.array([1.0, 100.0]), jnp.zeros(2)
    a, b = np.array([10.0, 8.0]), np.array([406.0, 8.0])
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    np.testing.assert_allclose(invariance(total, losses, x, unit, none), expected, rtol=1e-6)
    np.testing.assert_allclose(invariance(total, losses, x, jnp.ones(2), unit), 1, rtol=1e-6)
    np.testing.assert_allclose(invariance(lambda _, g: normalised_sum(g), losses, x, unit, unit), 1, rtol=1e-6)
    by_loss = invariance(lambda losses, g: weighted_sum(g, losses), losses, x, jnp.ones(2), jnp.array([0.0, 50.0]))
    a, b = 25 * np.array([6.0, 8.0]) + 4 * np.array([4.0, 0.0]), 25 * np.array([6.0, 8.0]) + 54 * np.array([4.0, 0.0])
    np.testing.assert_allclose(by_loss, a @ b / np.linalg.norm(a) / np.linalg.norm(b), rtol=1e-5)
    assert jnp.isnan(invariance(total, losses, jnp.array([0.5, 0.0]), jnp.ones(2), none))  # 2·0.5 − 2·0.5 = 0


@pytest.mark.parametrize(
    "weights, words",
    [
        (np.zeros(2), "weights must be positive for at least one task"),
        (jnp.zeros(2), "weights must be positive for at least one task"),
        (jnp.array([1.0, -1.0]), "weights must be finite and not negative"),
        (np.array([1.0, np.nan]), "weights must be finite and not negative"),
        (jnp.ones(3), r"weights must be one for each of 2 tasks, got \(3,\)"),
        ([-1, 2], "weights must be finite and not negative"),
        (1.0, r"weights must be one real number for each task, got float\d+ of shape \(\)"),
        (jnp.ones(2, complex), "weights must be one real number for each task, got complex64"),
    ],
)
def test_bad_weights(weights, words):
    with pytest.raises(ValueError, match=words):
        plain(weighted_sum)(jnp.eye(2), weights)


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda: plain(task_gradients)(lambda x: x @ x, jnp.ones(2)),
            r"losses_fn must return a vector .* of shape \(\)",
        ),
        (lambda: plain(task_gradients)(lambda x: jnp.zeros(2, int), jnp.ones(2)), "losses_fn must return .* got int32"),
        (lambda: INVARIANCE(jnp.array([1.0, 0.0]), jnp.ones(2)), "scale must be positive and finite"),
        (lambda: INVARIANCE(jnp.ones(3), jnp.ones(3)), r"scale must have the shape of the losses, \(2,\), got \(3,\)"),
        (lambda: INVARIANCE(jnp.ones(2), jnp.ones(1)), r"shift must have the shape of the losses, \(2,\), got \(1,\)"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def INVARIANCE(scale, shift):
    return plain(gradients.invariance)(lambda _, g: normalised_sum(g), lambda x: x, jnp.ones(2), scale, shift)
