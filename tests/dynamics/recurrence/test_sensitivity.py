"""Growth of derivatives against closed forms and Lorenz's exponent; Euler's bias against long double."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.dynamics import OdeCell, euler_bias, sensitivity_growth, unroll


def test_growth_is_the_closed_form():
    def field(x, t, p):
        return {"x": p["a"] * x["x"] + p["b"], "constant": 0 * x["constant"]}

    times, starts, (a, b) = np.array([2.0, 0.5, 1.0]), np.array([1.0, -2.0, 0.3]), (-0.7, 0.4)
    with jax.enable_x64(True):
        growth = sensitivity_growth(
            field, {"a": a, "b": b}, {"x": starts, "constant": np.ones((3, 2))}, times, step=0.05
        )
    t, x = times[:, None], starts
    by_a = t * x * np.exp(a * t) + b * ((a * t - 1) * np.exp(a * t) + 1) / a**2
    by_b = np.expm1(a * t) / a
    np.testing.assert_allclose(growth, np.log(np.hypot(by_a, by_b)).mean(axis=1), rtol=1e-5)


def test_growth_compiles_once():
    traces = 0

    def field(x, t, a):
        nonlocal traces
        traces += 1
        return a * x

    for a in (0.5, 0.7):
        found = sensitivity_growth(field, a, np.ones((2, 1)), [1.0], step=0.25)
        np.testing.assert_allclose(found, [a], rtol=1e-3)  # ln(T exp(aT)) at T = 1
        traced = traces if a == 0.5 else traced
    assert traces == traced


def lorenz(x, t, p):
    sigma, rho, beta = p
    return jnp.stack([sigma * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - beta * x[2]])


def test_lorenz_s_sensitivity_grows_with_its_lyapunov_exponent():
    p = (10.0, 28.0, 8 / 3)
    start = jnp.asarray(np.array([1.0, 1.0, 20.0]) + np.linspace(0, 1, 32)[:, None])
    cell = OdeCell(lambda x, t: lorenz(x, t, p), 0.01, "rk4")
    on_attractor = jax.vmap(lambda x: unroll(cell, x, 1500)[-1])(start)
    times = np.arange(4, 21, 2.0)
    growth = sensitivity_growth(lorenz, p, on_attractor, times, step=0.01)
    assert 0.8 < np.polyfit(times, growth, 1)[0] < 1.0  # the exponent is 0.906


@pytest.mark.parametrize("a", [-1.3, 0.6, 1e-4, -40.0, 0.3j])
def test_euler_s_bias_keeps_its_digits(a):
    step = np.array([1e-3, 0.5, 0.9])
    z = a * step.astype(np.longdouble)
    exact = np.expm1(z) if np.isrealobj(z) else np.exp(z) - 1
    terms = sum(z**k / np.prod(np.arange(1, k + 1, dtype=np.longdouble)) for k in range(2, 25))
    excess = np.where(np.abs(z) < 1, terms, exact - z)
    with jax.enable_x64(True):
        np.testing.assert_allclose(euler_bias(a, step), (excess / step).astype(complex), rtol=1e-14)
        np.testing.assert_allclose(euler_bias(a, 1e-6), a * a * 5e-7, rtol=1e-4)
    np.testing.assert_allclose(euler_bias(a, step), (excess / step).astype(complex), rtol=1e-6)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: euler_bias(1.0, 0.0), "step must be positive and finite, got 0.0"),
        (lambda: growth(times=[0.0, 1.0]), "times must be positive"),
        (lambda: growth(times=[0.55]), "times must be multiples of step"),
        (
            lambda: growth(x0s=np.ones((0, 3))),
            r"x0s must hold at least one point of at least one dimension, got shape \(0, 3\)",
        ),
        (lambda: growth(method="rk2"), "method must be one of"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def growth(x0s=((1, 1, 1),), times=(1.0,), method="rk4"):
    return sensitivity_growth(lorenz, (10.0, 28.0, 2.0), np.array(x0s), times, step=0.1, method=method)
