"""Runge-Kutta steps against diffrax, a textbook loop and the polynomial that they apply to a linear flow."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from kexue.optimizers.methods.runge_kutta import runge_kutta_step, stability_polynomial


def loss(params):
    return jnp.sum(jnp.cos(params["x"]) * params["x"] ** 2) + jnp.exp(params["y"])


def start(dtype=jnp.float64):
    return {"x": jnp.asarray([1.0, -2.0, 0.3], dtype), "y": jnp.asarray(0.5, dtype)}


@pytest.mark.parametrize("order, solver", [(1, diffrax.Euler()), (2, diffrax.Heun()), (3, diffrax.Bosh3())])
def test_twenty_steps_are_diffrax_s(order, solver):
    with jax.enable_x64(True):
        gradient = jax.grad(loss)
        ours = jax.lax.fori_loop(0, 20, lambda _, p: runge_kutta_step(gradient, p, 0.05, order), start())
        flow = diffrax.ODETerm(lambda t, params, args: jax.tree.map(jnp.negative, gradient(params)))
        theirs = diffrax.diffeqsolve(flow, solver, 0.0, 1.0, 0.05, start()).ys
        for name in ours:
            np.testing.assert_allclose(ours[name], theirs[name][0], rtol=1e-12)


def test_the_fourth_order_is_the_textbook_s():
    def slope(x):
        return -np.array([[2.0, 1.0], [-1.0, 3.0]]) @ np.sin(x)

    x, h = np.array([1.0, -0.4]), 0.3
    k1 = slope(x)
    k2 = slope(x + h / 2 * k1)
    k3 = slope(x + h / 2 * k2)
    k4 = slope(x + h * k3)
    with jax.enable_x64(True):
        matrix = jnp.array([[2.0, 1.0], [-1.0, 3.0]])
        ours = runge_kutta_step(lambda x: matrix @ jnp.sin(x), jnp.asarray(x), h, 4)
    np.testing.assert_allclose(ours, x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), rtol=1e-14)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_factor_of_a_linear_flow_is_the_polynomial(order):
    z = np.linspace(-1, 4, 9)
    with jax.enable_x64(True):
        factor = runge_kutta_step(lambda x: 2.0 * x, jnp.ones(()), jnp.asarray(0.35), order)
        np.testing.assert_allclose(factor, stability_polynomial(0.7, order), rtol=1e-14)
        expected = sum((-z) ** j / float(np.prod(np.arange(1, j + 1))) for j in range(order + 1))
        np.testing.assert_allclose(stability_polynomial(jnp.asarray(z), order), expected, rtol=1e-13)
        imaginary = stability_polynomial(jnp.asarray(0.1j), order)
        np.testing.assert_allclose(imaginary, np.exp(-0.1j), atol=0.1 ** (order + 1))


def test_stability_interval():
    ends = []
    for order in (1, 2, 3, 4):
        with jax.enable_x64(True):
            ends.append(brentq(lambda z, order=order: abs(float(stability_polynomial(z, order))) - 1, 1.5, 3.5))
    np.testing.assert_allclose(ends, [2, 2, 2.5127, 2.7853], atol=1e-4)


def test_dtypes_integers_jit_and_traced_steps():
    params = {
        "x": jnp.ones(3, jnp.bfloat16),
        "i": jnp.array([1, 2]),
        "c": jnp.array(1j, jnp.complex64),
        "s": 2.0,
        "n": None,
    }

    def gradient(params):
        return {**params, "i": np.zeros(2, jax.dtypes.float0)}

    step = jax.jit(lambda params, h: runge_kutta_step(gradient, params, h, 2))
    moved = step(params, 0.5)
    eager = runge_kutta_step(gradient, params, 0.5, 2)
    factor = 1 - 0.5 + 0.125
    for result in (moved, eager):
        assert result["x"].dtype == jnp.bfloat16 and result["n"] is None
        np.testing.assert_array_equal(result["i"], [1, 2])
        np.testing.assert_allclose(result["x"].astype(jnp.float32), factor, rtol=1e-2)
        np.testing.assert_allclose([result["c"], result["s"]], [factor * 1j, factor * 2], rtol=1e-6)
    steps = jax.vmap(lambda h: runge_kutta_step(lambda x: x, jnp.array(1.0), h, 3))(jnp.array([0.0, 1.0]))
    np.testing.assert_allclose(steps, [1, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: runge_kutta_step(jnp.sin, jnp.ones(2), 0.1, 5), "order must be 1, 2, 3 or 4, got 5"),
        (lambda: stability_polynomial(jnp.ones(2), 0), "order must be 1, 2, 3 or 4, got 0"),
        (lambda: runge_kutta_step(jnp.sin, jnp.ones(2), -0.1, 1), "step_size must be at least 0 and finite, got -0.1"),
        (lambda: runge_kutta_step(jnp.sin, jnp.ones(2), float("nan"), 1), "step_size must be"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
