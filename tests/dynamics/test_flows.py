"""Flows against closed forms, matrix exponentials and SciPy's own integrator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import j1

from kexue.dynamics import gradient_flow, modified_loss, momentum_flow, nesterov_flow

HESSIAN = np.array([[2.0, 0.5], [0.5, 1.0]])
START = np.array([1.0, -0.7])
TIMES = np.array([0.0, 0.3, 1.0, 2.5])


def quadratic(x):
    return 0.5 * x @ jnp.asarray(HESSIAN, x.dtype) @ x


def quartic(x):
    return 0.5 * x[0] ** 2 + 2 * x[1] ** 2 + x[0] ** 2 * x[1] ** 2 / 4 + x[0] ** 4 / 10


def test_gradient_flow_is_the_matrix_exponential():
    with jax.enable_x64(True):
        path = gradient_flow(quadratic, jnp.asarray(START), TIMES)
    exact = np.stack([expm(-t * HESSIAN) @ START for t in TIMES])
    np.testing.assert_allclose(path, exact, atol=1e-11)


def test_gradient_flow_in_single_precision_keeps_the_dtype():
    path = gradient_flow(quadratic, jnp.asarray(START, jnp.float32), TIMES)
    assert path.dtype == jnp.float32
    exact = np.stack([expm(-t * HESSIAN) @ START for t in TIMES])
    np.testing.assert_allclose(path, exact, atol=1e-5)


def test_gradient_flow_off_quadratics_agrees_with_scipy():
    def field(t, x):
        return [-x[0] - x[0] * x[1] ** 2 / 2 - 0.4 * x[0] ** 3, -4 * x[1] - x[0] ** 2 * x[1] / 2]

    exact = solve_ivp(field, (0, 2.5), START, "DOP853", TIMES, rtol=1e-12, atol=1e-13).y.T
    with jax.enable_x64(True):
        path = gradient_flow(quartic, jnp.asarray(START), TIMES)
    np.testing.assert_allclose(path, exact, atol=1e-10)


def test_momentum_flow_is_the_damped_oscillator():
    damping, h = 0.4, 2.0
    omega = np.sqrt(h - damping**2 / 4)
    exact = np.exp(-damping * TIMES / 2) * (np.cos(omega * TIMES) + damping / (2 * omega) * np.sin(omega * TIMES))
    with jax.enable_x64(True):
        path = momentum_flow(lambda x: 0.5 * h * x**2, jnp.array(1.0), TIMES, damping)
    np.testing.assert_allclose(path, exact, atol=1e-11)


def test_nesterov_flow_is_a_bessel_function():
    times = np.linspace(0.5, 20, 40)
    with jax.enable_x64(True):
        path = nesterov_flow(lambda x: 0.5 * x**2, jnp.array(1.0), times)
    np.testing.assert_allclose(path, 2 * j1(times) / times, atol=1e-9)


def test_modified_loss_adds_the_squared_slope():
    x = jnp.array([0.3, -1.1])
    value = modified_loss(quartic, 0.2)(x)
    step = 1e-3
    finite = [(quartic(x + step * e) - quartic(x - step * e)) / (2 * step) for e in jnp.eye(2)]
    np.testing.assert_allclose(value, quartic(x) + 0.05 * sum(g**2 for g in finite), rtol=1e-4)


def test_modified_loss_passes_data_on_and_takes_pytrees():
    def loss(params, scale):
        return scale * jnp.sum(params["w"] ** 2) + params["b"] ** 2

    params = {"w": jnp.array([1.0, 2.0]), "b": jnp.array(3.0)}
    # L = 2·5 + 9; ∇ = (4, 8, 6), squared 116; γ/4 = 1/4.
    np.testing.assert_allclose(modified_loss(loss, 1.0)(params, 2.0), 19 + 29)


@pytest.mark.parametrize(
    "flow",
    [gradient_flow, lambda f, x, t: momentum_flow(f, x, t, 0.5), nesterov_flow],
    ids=["gradient", "momentum", "nesterov"],
)
def test_flows_under_transformations(flow):
    times = jnp.array([0.5, 1.0])
    starts = jnp.array([[1.0, -0.7], [0.2, 0.4], [-2.0, 1.0]])
    traces = []

    def loss(x):
        traces.append(None)
        return quartic(x)

    def run(x):
        return flow(loss, x, times)

    eager = [run(starts[0])]
    traced = len(traces)
    eager += [run(x) for x in starts[1:]]
    assert len(traces) <= traced + 2  # of bare calls only the first compiles; Nesterov's takes a first slope each time
    np.testing.assert_allclose(jax.jit(run)(starts[0]), eager[0], atol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(run))(starts), jnp.stack(eager), atol=2e-5)
    assert eager[0].shape == (2, 2)


def test_flows_accept_pytrees():
    path = gradient_flow(
        lambda p: 0.5 * p["a"] ** 2 + jnp.sum(p["b"] ** 2), {"a": jnp.array(1.0), "b": jnp.ones(3)}, TIMES
    )
    np.testing.assert_allclose(path["a"], np.exp(-TIMES), atol=1e-5)
    np.testing.assert_allclose(path["b"], np.exp(-2 * TIMES)[:, None] * np.ones(3), atol=1e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: gradient_flow(quadratic, jnp.ones(2), np.array([])), "times must not be empty"),
        (lambda: gradient_flow(quadratic, jnp.ones(2), np.array([1.0, 0.5])), "times must be increasing"),
        (lambda: gradient_flow(quadratic, jnp.ones(2), np.array([-1.0, 0.5])), "not negative, got"),
        (lambda: gradient_flow(quadratic, jnp.ones(2, int), TIMES), "floating-point"),
        (lambda: gradient_flow(quadratic, jnp.ones(2), TIMES, tolerance=0.0), "tolerance must be positive"),
        (lambda: momentum_flow(quadratic, jnp.ones(2), TIMES, -1.0), "damping must be at least 0 and finite, got -1.0"),
        (lambda: modified_loss(quadratic, -0.1), "learning_rate must be at least 0 and finite, got -0.1"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
