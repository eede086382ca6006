"""Normalised sums in closed form, and GradNorm against the loop of its paper."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers.tasks.balance import gradnorm_init, gradnorm_step, normalised_sum


def test_normalised_sum_by_hand():
    grads = np.random.default_rng(0).normal(size=(4, 6)) * 10.0 ** np.arange(-2, 2)[:, None]
    lengths = np.linalg.norm(grads, axis=1, keepdims=True)
    with jax.enable_x64(True):
        for eps in (0.0, 0.5):
            expected = (grads / (lengths + eps)).sum(axis=0)
            np.testing.assert_allclose(normalised_sum(jnp.asarray(grads), eps), expected, rtol=1e-12)
    with_zero = jnp.asarray(np.r_[grads, np.zeros((1, 6))], jnp.float32)
    np.testing.assert_allclose(normalised_sum(with_zero), (grads / lengths).sum(axis=0), atol=1e-6)


def test_two_tasks_are_never_hurt_and_three_may_be():
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        pairs = rng.normal(size=(500, 2, 3))
        gains = np.einsum("ktd,kd->kt", pairs, jax.vmap(normalised_sum)(jnp.asarray(pairs)))
        lengths = np.linalg.norm(pairs, axis=-1)
        cosine = (pairs[:, 0] * pairs[:, 1]).sum(-1) / lengths.prod(-1)
        np.testing.assert_allclose(gains, lengths * (1 + cosine)[:, None], atol=1e-12)
        height = 0.19**0.5
        three = jnp.array([[1.0, 0.0], [-0.9, height], [-0.9, -height]])
        np.testing.assert_allclose(three[0] @ normalised_sum(three), -0.8, rtol=1e-12)


def off_target(weights, lengths, target):
    return jnp.abs(weights * lengths - target).sum()


@pytest.mark.parametrize("alpha", [0.0, 1.5])
@pytest.mark.parametrize("optimizer", [optax.sgd(0.01), optax.adam(0.02)], ids=["sgd", "adam"])
def test_gradnorm_is_the_papers_loop(alpha, optimizer):
    rng = np.random.default_rng(1)
    losses, lengths = rng.uniform(0.5, 2, (6, 3)), rng.uniform(0.1, 3, (6, 3))
    grads = rng.normal(size=(6, 3, 5))
    grads *= (lengths / np.linalg.norm(grads, axis=-1))[..., None]
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # optax's Adam needs it
        state = gradnorm_init(jnp.asarray(losses[0]), optimizer)
        _, found = jax.lax.scan(
            lambda s, x: (new := gradnorm_step(s, *x, optimizer, alpha), new.weights),
            state,
            (jnp.asarray(losses), {"a": jnp.asarray(grads[..., :2]), "b": jnp.asarray(grads[..., 2:])}),
        )
        weights, inner = np.ones(3), optimizer.init(jnp.ones(3))
        for loss, length, ours in zip(losses, lengths, np.asarray(found), strict=True):
            progress = loss / losses[0] / (loss / losses[0]).mean()
            target = (weights * length).mean() * progress**alpha
            slope = jax.grad(off_target)(jnp.asarray(weights), jnp.asarray(length), target)
            updates, inner = optimizer.update(slope, inner)
            weights = weights + np.asarray(updates)
            weights *= 3 / weights.sum()
            np.testing.assert_allclose(ours, weights, rtol=1e-10)


def test_without_alpha_gradnorm_ends_at_the_normalised_sum():
    grads = jnp.array([[3.0, 4.0], [0.0, 1.0], [-2.0, 0.0]])
    losses, optimizer = jnp.ones(3), optax.adam(lambda count: 0.03 * 0.99 ** count.astype(jnp.float32))
    with jax.numpy_dtype_promotion("standard"):
        state = jax.lax.fori_loop(
            0, 800, lambda _, s: gradnorm_step(s, losses, grads, optimizer, 0.0), gradnorm_init(losses, optimizer)
        )
    inverse = 1 / np.array([5.0, 1.0, 2.0])
    np.testing.assert_allclose(state.weights, 3 * inverse / inverse.sum(), rtol=1e-2)


@pytest.mark.parametrize(
    "call, words",
    [
        (
            lambda s, o: gradnorm_step(s, jnp.ones(3), jnp.ones((3, 2)), o),
            r"losses must be one for each of 2 tasks, got shape \(3,\)",
        ),
        (lambda s, o: gradnorm_step(s, jnp.ones(2), jnp.ones((3, 2)), o), "losses must be one for each of 2 tasks"),
        (
            lambda s, o: gradnorm_step(s, jnp.ones(2), jnp.ones((2, 2)), o, -1.0),
            "alpha must be at least 0 and finite, got -1.0",
        ),
        (lambda s, o: normalised_sum(jnp.ones((2, 2)), -1.0), "eps must be at least 0 and finite, got -1.0"),
    ],
)
def test_bad_input(call, words):
    optimizer = optax.sgd(0.1)
    with pytest.raises(ValueError, match=words):
        call(gradnorm_init(jnp.ones(2), optimizer), optimizer)
