"""Spectral normalisation against an SVD, against differentiation through it, and against equinox's own layer."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.sensitivity.lipschitz.normalization import SpectralNorm, advance, spectral_penalty
from kexue.sensitivity.lipschitz.penalties import after_each_step
from kexue.training import train

KEYS = jax.random.split(jax.random.key(0), 6)
LINEAR = eqx.nn.Linear(5, 7, key=KEYS[0])
CONV = eqx.nn.Conv2d(2, 3, 3, key=KEYS[1])


def settled(layer, **options):
    model = SpectralNorm(layer, key=KEYS[2], **options)
    move = eqx.filter_jit(advance)
    for _ in range(60):
        model = move(model)
    return model


@pytest.mark.parametrize("target", [1.0, 0.3, 4])
@pytest.mark.parametrize(("layer", "x"), [(LINEAR, jnp.arange(5.0)), (CONV, jnp.ones((2, 6, 6)))])
def test_the_used_weight_has_the_wanted_norm_and_direction(layer, x, target):
    model = settled(layer, target=target)
    matrix = np.asarray(layer.weight).reshape(len(layer.weight), -1)
    truth = np.linalg.svd(matrix, compute_uv=False)[0]
    np.testing.assert_allclose(model.estimate, truth, rtol=1e-5)
    np.testing.assert_allclose(model.weight, target * layer.weight / truth, rtol=1e-5)
    linear_part = layer(x) - layer(0 * x)
    np.testing.assert_allclose(model(x), layer(0 * x) + target / truth * linear_part, rtol=1e-4, atol=1e-5)


def test_target_none_changes_nothing():
    model = SpectralNorm(LINEAR, target=None, key=KEYS[2])
    np.testing.assert_array_equal(model(jnp.arange(5.0)), LINEAR(jnp.arange(5.0)))


def test_advance_is_one_step_of_power_iteration_in_each_wrapped_layer():
    model = [SpectralNorm(LINEAR, key=KEYS[2]), jax.nn.relu, {"b": SpectralNorm(CONV, key=KEYS[3])}]
    moved = eqx.filter_jit(advance)(model)
    for before, after in ((model[0], moved[0]), (model[2]["b"], moved[2]["b"])):
        matrix = np.asarray(before.layer.weight, float).reshape(len(before.u), -1)
        expected = matrix @ (matrix.T @ np.asarray(before.u, float))
        np.testing.assert_allclose(after.u, expected / np.linalg.norm(expected), atol=1e-5)
        np.testing.assert_array_equal(before.layer.weight, after.layer.weight)
    assert moved[1] is jax.nn.relu


def test_gradient_of_the_raw_weight():
    with jax.enable_x64(True):
        layer = eqx.nn.Linear(5, 7, key=KEYS[0], dtype=jnp.float64)
        model, x = settled(layer, target=2.0), jnp.linspace(-1, 1, 5)
        loss = lambda weight: jnp.sum(jnp.sin(weight @ x))  # noqa: E731
        of_raw = jax.grad(lambda w: loss(eqx.tree_at(lambda m: m.layer.weight, model, w).weight))(layer.weight)
        through_svd = jax.grad(lambda w: loss(2 * w / jnp.linalg.norm(w, 2)))(layer.weight)
        np.testing.assert_allclose(of_raw, through_svd, atol=1e-8)
        np.testing.assert_allclose(jnp.sum(of_raw * layer.weight), 0, atol=1e-13)
        u, s, vt = np.linalg.svd(layer.weight)
        g, used = jax.grad(loss)(model.weight), model.weight
        by_hand = 2 / s[0] * (g - jnp.sum(g * used) / 2 * np.outer(u[:, 0], vt[0]))
        np.testing.assert_allclose(of_raw, by_hand, atol=1e-8)
        assert not np.any(jax.grad(lambda u: loss(eqx.tree_at(lambda m: m.u, model, u).weight))(model.u))


def test_agrees_with_equinox():
    layer, state = eqx.nn.make_with_state(eqx.nn.SpectralNorm)(LINEAR, "weight", 60, key=KEYS[2])
    theirs, _ = layer(jnp.arange(5.0), state)
    np.testing.assert_allclose(settled(LINEAR)(jnp.arange(5.0)), theirs, rtol=1e-5)


def test_penalty_is_the_sum_of_squares_and_has_rank_one_gradients():
    model = [settled(LINEAR, target=None), settled(CONV, target=None)]
    norms = [np.linalg.svd(np.asarray(m.layer.weight).reshape(len(m.u), -1), compute_uv=False)[0] for m in model]
    np.testing.assert_allclose(spectral_penalty(model), np.sum(np.square(norms)), rtol=1e-5)
    gradient = eqx.filter_grad(spectral_penalty)(model)[0].layer.weight
    values = np.linalg.svd(gradient, compute_uv=False)
    np.testing.assert_allclose(values[0], 2 * norms[0], rtol=1e-5)
    assert values[1] < 1e-5


def test_trains_in_the_common_loop_and_stays_warm_under_jit_and_vmap():
    xs = jax.random.normal(KEYS[4], (32, 5))

    def fit(scale):
        model = eqx.nn.Sequential(
            [SpectralNorm(LINEAR, key=KEYS[2]), SpectralNorm(eqx.nn.Linear(7, 2, key=KEYS[3]), key=KEYS[5])]
        )
        loss = lambda model: jnp.mean((jax.vmap(model)(xs) - scale * xs[:, :2]) ** 2)  # noqa: E731
        optimizer = optax.chain(optax.sgd(0.02), after_each_step(advance))
        end = train(loss, model, optimizer, 60).params
        return [layer.weight for layer in end.layers], [layer.layer.weight for layer in end.layers]

    used, raw = jax.jit(jax.vmap(fit))(jnp.array([0.5, 1.0]))
    for weights, own, start in zip(used, raw, (LINEAR, eqx.nn.Linear(7, 2, key=KEYS[3])), strict=True):
        norms = np.linalg.svd(weights, compute_uv=False)[:, 0]
        assert np.all(norms > 1 - 1e-5) and np.all(norms < 1.05)  # never below one, and hardly above
        frobenius = np.linalg.norm(np.asarray(own), axis=(1, 2))
        assert np.all(frobenius >= np.linalg.norm(start.weight) * (1 - 1e-5))  # orthogonal steps only add


def test_refuses_bad_input():
    with pytest.raises(ValueError, match="layer must have a weight of at least two axes"):
        SpectralNorm(eqx.nn.LayerNorm(4), key=KEYS[0])
    for target in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match=f"target must be positive and finite, got {target}"):
            SpectralNorm(LINEAR, target=target, key=KEYS[0])
    for function in (advance, spectral_penalty):
        with pytest.raises(ValueError, match="model must contain a SpectralNorm, got none"):
            function(LINEAR)
