"""Gates against the solutions of their equations, equinox's convention, plain NumPy and eigenvalues."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.dynamics import AntisymmetricCell, OdeCell, chrono_bias, leaky_integrator


def test_the_exact_leak_solves_the_equation_and_euler_s_is_a_cell():
    tau, dt, target, start = np.array([0.5, 3.0]), 0.4, 2.0, -1.0
    after = target + (start - target) * np.exp(-dt / tau)
    np.testing.assert_allclose(start + leaky_integrator(tau, dt) * (target - start), after, rtol=1e-6)
    cell = OdeCell(lambda h, t: (target - h) / jnp.asarray(tau), dt)
    euler = start + leaky_integrator(tau, dt, exact=False) * (target - start)
    np.testing.assert_allclose(euler, cell(np.full(2, start)), rtol=1e-6)


def test_a_small_leak_keeps_its_digits():
    np.testing.assert_allclose(leaky_integrator(1e6, 1), 1e-6 - 5e-13, rtol=1e-6)


@pytest.mark.parametrize("horizon, tolerance", [(10, 0.06), (100, 0.01), (1000, 0.001)])
def test_chrono_bias_remembers_for_its_horizon(horizon, tolerance):
    with jax.enable_x64(True):
        forget = 1 / (1 + np.exp(-np.float64(chrono_bias(horizon))))
    np.testing.assert_allclose(forget, 1 - 1 / horizon, rtol=1e-12)
    assert 0 < 1 - (-1 / np.log(forget)) / horizon < tolerance


def test_equinox_s_gate_is_the_share_of_the_old_state():
    gru = eqx.nn.GRUCell(1, 1, key=jax.random.key(0))
    silent = [jnp.zeros_like(gru.weight_ih), jnp.zeros_like(gru.weight_hh), jnp.array([0.0, 0.8, 0.3]), jnp.zeros(1)]
    gru = eqx.tree_at(lambda g: [g.weight_ih, g.weight_hh, g.bias, g.bias_n], gru, silent)
    z, new = 1 / (1 + np.exp(-0.8)), np.tanh(0.3)
    np.testing.assert_allclose(gru(jnp.zeros(1), jnp.ones(1)), 1 + (1 - z) * (new - 1), rtol=1e-5)


def test_antisymmetric_cell_is_its_equation():
    cell = AntisymmetricCell(4, 3, step=0.1, damping=0.2, key=jax.random.key(1))
    cell = eqx.tree_at(lambda c: c.bias, cell, jnp.arange(4.0))
    w, v = np.asarray(cell.weight), np.asarray(cell.input_weight)
    x, h = np.array([0.3, -1.0, 0.7]), np.array([1.0, -0.5, 0.2, 2.0])
    expected = h + 0.1 * np.tanh((w - w.T - 0.2 * np.eye(4)) @ h + v @ x + np.arange(4.0))
    x, h = jnp.asarray(x, jnp.float32), jnp.asarray(h, jnp.float32)
    np.testing.assert_allclose(cell(x, h), expected, rtol=1e-5)
    batched = jax.vmap(eqx.filter_jit(cell))(jnp.stack([x, -x]), jnp.stack([h, h]))
    np.testing.assert_allclose(batched, np.stack([cell(x, h), cell(-x, h)]), rtol=1e-5)


def test_every_mode_grows_as_documented():
    cell = AntisymmetricCell(6, 1, step=0.1, damping=0.3, key=jax.random.key(2))
    found = np.linalg.eigvals(np.asarray(jax.jacobian(cell, argnums=1)(jnp.zeros(1), jnp.zeros(6))))
    w = np.asarray(cell.weight)
    omega = np.linalg.eigvals(w - w.T).imag
    expected = np.sqrt((1 - 0.1 * 0.3) ** 2 + (0.1 * omega) ** 2)
    np.testing.assert_allclose(np.sort(np.abs(found)), np.sort(expected), rtol=1e-5)
    edge = 0.1 * (0.3**2 + omega**2) / 2
    np.testing.assert_array_equal(expected > 1, edge > 0.3)


def test_gradients_survive_five_hundred_steps():
    def norm(key, damping):
        make, drive, start = jax.random.split(key, 3)
        cell = AntisymmetricCell(32, 2, step=0.05, damping=damping, key=make)
        inputs = jax.random.normal(drive, (500, 2))

        def end(h):
            return jax.lax.scan(lambda h, x: (cell(x, h), None), h, inputs)[0]

        h = jax.random.normal(start, (32,))
        return jnp.linalg.norm(jax.jvp(end, (h,), (h / jnp.linalg.norm(h),))[1])

    keys = jax.random.split(jax.random.key(3), 8)
    both = jax.jit(jax.vmap(jax.vmap(norm, (0, None)), (None, 0)))(keys, jnp.array([0.0, 2.0]))
    neutral, damped = jnp.median(both, axis=1)
    assert 0.3 < neutral < 100
    assert damped < 1e-3


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: leaky_integrator(0.0, 0.1), "tau must be positive and finite, got 0.0"),
        (lambda: leaky_integrator(np.array([1.0, -1.0]), 0.1), "tau must be positive"),
        (lambda: leaky_integrator(1.0, -0.1), "dt must be at least 0 and finite, got -0.1"),
        (lambda: chrono_bias(1), "horizon must be above 1 and finite, got 1"),
        (lambda: antisymmetric(size=0), "size must be at least 1, got 0"),
        (lambda: antisymmetric(step=-1.0), "step must be positive"),
        (lambda: antisymmetric(damping=-0.1), "damping must be at least 0 and finite, got -0.1"),
        (
            lambda: antisymmetric()(jnp.zeros(3), jnp.zeros(2)),
            r"must have shapes \(3,\) and \(4,\), got \(3,\) and \(2,\)",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def antisymmetric(size=4, step=0.1, damping=0.0):
    return AntisymmetricCell(size, 3, step=step, damping=damping, key=jax.random.key(0))
