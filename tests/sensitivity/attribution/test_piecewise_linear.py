"""The exact rules against sums over a million midpoints, and against kinks that are known."""

from functools import partial
from inspect import signature

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad_vec

from kexue.sensitivity import (
    integrated_gradients,
    mean_slopes,
    one_layer_attribution,
    preactivations,
    walk_from_kink_to_kink,
)

EXACT = eqx.filter_jit(partial(integrated_gradients, rule="exact"))
RELU = lambda z: np.maximum(z, 0)  # noqa: E731


def weights_of(mlp):
    return [(np.asarray(layer.weight, float), np.asarray(layer.bias, float)) for layer in mlp.layers]


def dense_sum(layers, target, x, base, points=40_000):
    """Mean gradient of a ReLU network over midpoints of the line, in NumPy, by hand-written backpropagation."""
    total = np.zeros_like(x)
    for alphas in np.array_split((np.arange(points) + 0.5) / points, 10):
        h, masks = base + alphas[:, None] * (x - base), []
        for w, b in layers[:-1]:
            z = h @ w.T + b
            masks.append(z > 0)
            h = RELU(z)
        g = np.broadcast_to(layers[-1][0][target], (len(alphas), layers[-1][0].shape[1]))
        for (w, _), mask in zip(layers[-2::-1], masks[::-1], strict=True):
            g = (g * mask) @ w
        total += g.sum(0)
    return (x - base) * total / points


def random_mlp(depth, seed, activation=jax.nn.relu, width=24, dtype=jnp.float32, out=3):
    mlp = eqx.nn.MLP(6, out, width, depth, activation=activation, key=jax.random.key(seed), dtype=dtype)
    rng = np.random.default_rng(seed)
    x, base = rng.normal(size=(2, 6))
    return mlp, 3 * x, base


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_relu_networks_against_a_dense_sum(depth):
    explain = eqx.filter_jit(lambda *args: integrated_gradients(*args, rule="exact", target=1))
    for seed in range(3):
        mlp, x, base = random_mlp(depth, seed)
        reference = dense_sum(weights_of(mlp), 1, x, base)
        exact = explain(mlp, jnp.asarray(x, jnp.float32), jnp.asarray(base, jnp.float32))
        np.testing.assert_allclose(exact.values, reference, atol=2e-4)
        assert abs(exact.residual) < 1e-5 and not exact.exhausted
        assert (exact.evaluations == 1) == (depth == 1)


def test_the_walk_agrees_with_the_closed_form():
    explain = partial(integrated_gradients, rule="exact", target=0)
    closed_form = eqx.filter_jit(explain)
    walking = eqx.filter_jit(lambda mlp, *args: explain(mlp, *args, kinks=partial(preactivations, mlp)))
    for seed in range(5):
        mlp, x, base = random_mlp(1, seed, width=200)
        args = mlp, jnp.asarray(x, jnp.float32), jnp.asarray(base, jnp.float32)
        closed, walk = closed_form(*args), walking(*args)
        np.testing.assert_allclose(walk.values, closed.values, atol=2e-5)
        w, b = weights_of(mlp)[0]
        switched = np.sum((w @ x + b > 0) != (w @ base + b > 0))
        assert switched + 1 <= walk.evaluations <= switched + 3  # a piece more than kinks, and rounding


@pytest.mark.parametrize("activation", [jnp.tanh, jax.nn.sigmoid, jax.nn.gelu, jax.nn.leaky_relu])
def test_one_layer_of_any_activation(activation):
    with jax.enable_x64(True):
        mlp, x, base = random_mlp(1, 3, activation, dtype=jnp.float64)
        gradient = jax.jit(jax.grad(lambda x: mlp(x)[2]))
        if activation is jax.nn.leaky_relu:
            alphas = (np.arange(20_000) + 0.5) / 20_000
            integral = jax.vmap(lambda a: gradient(base + a * (x - base)))(alphas).mean(0)
        else:
            integral, _ = quad_vec(lambda a: np.asarray(gradient(base + a * (x - base))), 0, 1, epsabs=1e-12)
        exact = integrated_gradients(mlp, jnp.asarray(x), jnp.asarray(base), rule="exact", target=2)
        atol = 5e-4 if activation is jax.nn.leaky_relu else 1e-9
        np.testing.assert_allclose(exact.values, (x - base) * integral, atol=atol)
        assert exact.evaluations == 1


def test_an_output_that_is_not_linear_is_walked():
    mlp = eqx.nn.MLP(6, 2, 8, 1, final_activation=jax.nn.relu, key=jax.random.key(0))
    x, base = jnp.asarray(random_mlp(1, 0)[1], jnp.float32), jnp.zeros(6)
    for target in (0, 1):
        exact = EXACT(mlp, x, base, target=target)
        assert abs(exact.residual) < 1e-5 and exact.evaluations > 1
    scalar = eqx.nn.MLP(6, "scalar", 8, 1, key=jax.random.key(0))
    exact = EXACT(scalar, x, base)
    assert abs(exact.residual) < 1e-5 and exact.evaluations == 1
    no_bias = eqx.nn.MLP(6, "scalar", 8, 2, use_bias=False, key=jax.random.key(0))
    assert abs(EXACT(no_bias, x, base).residual) < 1e-5


def test_mean_slopes():
    start, end = jnp.array([-1.0, 2.0, -3.0, 0.0, 0.0, 2.0]), jnp.array([3.0, -2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(mean_slopes(jax.nn.relu, start, end), [0.75, 0.5, 0, 0, 1, 1], rtol=1e-6)
    z = jnp.linspace(-3, 3, 41)
    for gap in (0.0, 1e-7, 1e-4, 1e-3, 1e-2, 0.3):  # float32 near the limit where the quotient is rounding error
        exact = (np.tanh(np.asarray(z + gap, float)) - np.tanh(np.asarray(z, float))) / max(gap, 1e-30)
        exact = exact if gap > 1e-6 else 1 - np.tanh(np.asarray(z, float)) ** 2
        np.testing.assert_allclose(mean_slopes(jnp.tanh, z, z + gap), exact, atol=3e-4)
    with pytest.raises(ValueError, match=r"start must have the shape of end, \(41,\), got \(2,\)"):
        mean_slopes(jnp.tanh, z[:2], z)


def test_one_layer_attribution_by_hand_and_refusals():
    w_in, b_in, w_out = jnp.array([[1.0, -1.0], [2.0, 0.0]]), jnp.array([-0.5, 1.0]), jnp.array([3.0, -1.0])
    # z₁ goes from -½ to ½: on for half of the way; z₂ is always on
    values = one_layer_attribution(w_in, b_in, w_out, jnp.array([2.0, 1.0]), jnp.zeros(2))
    np.testing.assert_allclose(values, [2 * (3 * 0.5 * 1 - 2), 1 * (3 * 0.5 * -1)], rtol=1e-6)
    for name, index, wrong in (("b_in", 1, jnp.zeros(3)), ("w_out", 2, jnp.zeros(1)), ("x", 3, jnp.zeros(3))):
        arguments = [w_in, b_in, w_out, jnp.zeros(2), jnp.zeros(2)]
        arguments[index] = wrong
        with pytest.raises(ValueError, match=rf"{name} must have shape \(2,\) beside w_in \(2, 2\), got"):
            one_layer_attribution(*arguments)


def test_what_quadrature_cannot_see():
    """A bump along the path that cancels in F, and leaves the gradient at both ends at zero."""
    relu = jax.nn.relu
    z = lambda x: jnp.stack([x[0] - 0.3, x[0] - 0.5, x[1] - 0.3, x[1] - 0.5])  # noqa: E731
    F = lambda x: relu(z(x)) @ jnp.array([1.0, -1.0, -1.0, 1.0])  # noqa: E731
    exact = integrated_gradients(F, jnp.ones(2), jnp.zeros(2), rule="exact", kinks=z)
    np.testing.assert_allclose(exact.values, [0.2, -0.2], atol=1e-6)
    blind = integrated_gradients(F, jnp.ones(2), jnp.zeros(2), rule="trapezoid", nodes=2)
    np.testing.assert_allclose(blind.values, [0, 0], atol=1e-7)
    assert abs(blind.residual) < 1e-6  # complete, and wrong


def test_maximum_with_its_own_kinks():
    F = lambda x: jnp.max(x)  # noqa: E731
    kinks = lambda x: x[:, None] - x[None, :]  # noqa: E731
    x, base = jnp.array([1.0, 3.0, 2.0]), jnp.array([1.5, 0.0, 1.0])
    # 1.5 - a/2 leads until 1 + a takes over at a = 1/3, and 3a at a = 1/2
    exact = integrated_gradients(F, x, base, rule="exact", kinks=kinks)
    np.testing.assert_allclose(exact.values, [-0.5 / 3, 3 / 2, 1 / 6], atol=1e-6)


def test_the_buffer_is_honest():
    mlp, x, base = random_mlp(2, 0)
    args = jnp.asarray(x, jnp.float32), jnp.asarray(base, jnp.float32)
    full = EXACT(mlp, *args, target=0)
    short = EXACT(mlp, *args, target=0, pieces=3)
    assert not full.exhausted and short.exhausted and short.evaluations == 3
    assert abs(short.residual) > 100 * abs(full.residual)
    smooth = eqx.nn.MLP(6, "scalar", 24, 2, activation=jnp.tanh, key=jax.random.key(1))
    assert abs(EXACT(smooth, *args).residual) > 3e-5  # not piecewise linear: it shows
    none = EXACT(mlp, *args, target=0, kinks=lambda x: jnp.zeros(0))
    assert none.evaluations == 1 and abs(none.residual) > 1e-3


def test_walk_reports_what_is_not_finite():
    kinks = lambda x: x - 0.5  # noqa: E731
    wrong = lambda x: jnp.sqrt(jnp.abs(x[0] - 0.75))  # noqa: E731 (the middle of the second piece)
    _, pieces, bad, stopped = walk_from_kink_to_kink(wrong, kinks, jnp.ones(1), jnp.zeros(1), 10)
    assert pieces == 2 and bad == 1 and not stopped


def test_preactivations():
    mlp, x, _ = random_mlp(2, 0)
    layers = weights_of(mlp)
    z1 = layers[0][0] @ x + layers[0][1]
    z2 = layers[1][0] @ RELU(z1) + layers[1][1]
    found = eqx.filter_jit(preactivations)(mlp, jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(found[:48], np.concatenate([z1, z2]), atol=1e-4)
    np.testing.assert_allclose(found[48:], mlp(jnp.asarray(x, jnp.float32)), rtol=1e-5)
    learnt = eqx.nn.MLP(6, 2, 5, 2, activation=eqx.nn.PReLU(0.3), key=jax.random.key(0))
    assert jax.eval_shape(partial(preactivations, learnt), jnp.ones(6)).shape == (12,)
    result = EXACT(learnt, jnp.ones(6), -jnp.ones(6), target=0)
    assert abs(result.residual) < 1e-5 and result.evaluations > 1


@pytest.mark.skipif("scan" not in signature(eqx.nn.MLP).parameters, reason="this Equinox has no MLP with scan=True")
def test_preactivations_of_a_scanned_mlp_are_refused():
    scanned = eqx.nn.MLP(6, 2, 5, 3, scan=True, key=jax.random.key(0))
    with pytest.raises(ValueError, match="scan=True"):
        preactivations(scanned, jnp.ones(6))


def test_vmap_over_inputs_of_different_length_of_walk():
    mlp, _, _ = random_mlp(3, 1)
    xs = jnp.asarray(np.random.default_rng(0).normal(size=(8, 6)) * np.arange(8)[:, None], jnp.float32)
    explain = lambda x: integrated_gradients(mlp, x, jnp.zeros(6), rule="exact", target=0)  # noqa: E731
    together = jax.jit(jax.vmap(explain))(xs)
    alone = jax.jit(explain)
    for i in (0, 3, 7):
        np.testing.assert_allclose(together.values[i], alone(xs[i]).values, atol=1e-5)
    assert np.abs(together.residual).max() < 2e-5
    assert len(set(together.evaluations.tolist())) > 2
