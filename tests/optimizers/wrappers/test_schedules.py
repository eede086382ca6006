"""Piecewise linear factors against numpy.interp, and as a wrapper."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import piecewise_linear, with_schedule


@pytest.mark.parametrize(
    "points, from_zero, knots, heights",
    [
        ({1000: 1.0, 2000: 0.1}, True, [0, 1000, 2000], [0, 1, 0.1]),
        ({1000: 1.0, 2000: 0.1}, False, [1000, 2000], [1, 0.1]),
        ({0: 0.5, 7: 2, 8: -1.0}, True, [0, 7, 8], [0.5, 2, -1]),
        ([(3, 0.25)], False, [3], [0.25]),
        (((2999, np.float32(1.5)),), True, [0, 2999], [0, 1.5]),
    ],
)
def test_equals_numpy_interp(points, from_zero, knots, heights):
    rho, steps = jax.jit(piecewise_linear(points, from_zero)), np.arange(3000)
    factors = rho(jnp.asarray(steps))
    assert factors.dtype == jnp.float32
    np.testing.assert_allclose(factors, np.interp(steps, knots, heights), atol=2e-7)
    np.testing.assert_allclose(rho(1500.5), np.interp(1500.5, knots, heights), atol=2e-7)


def test_late_steps_are_not_rounded():
    late = 2**30
    rho = jax.jit(piecewise_linear({late: 1.0, late + 4: 0.0}))
    np.testing.assert_array_equal(rho(late + jnp.arange(5)), [1, 0.75, 0.5, 0.25, 0])
    with jax.enable_x64(True):
        np.testing.assert_array_equal(rho(jnp.int32(late + 1)), 0.75)


def test_values_may_be_traced():
    slopes = jax.jit(jax.grad(lambda top: piecewise_linear({10: top, 20: 0.0})(15)))(3.0)
    assert slopes == 0.5


def test_the_wrapper_multiplies_by_the_factor_of_its_own_count():
    optimizer = with_schedule(optax.sgd(2.0), piecewise_linear({4: 1.0}))

    def step(state, gradient):
        updates, state = optimizer.update(gradient, state)
        return state, updates

    gradients = jnp.arange(1.0, 7.0)
    updates = jax.jit(lambda: jax.lax.scan(step, optimizer.init(gradients[0]), gradients)[1])()
    np.testing.assert_allclose(updates, -2 * gradients * np.array([0, 0.25, 0.5, 0.75, 1, 1]), rtol=1e-6)


@pytest.mark.parametrize(
    "points, words",
    [
        ({}, "points must hold at least one step and its value, got none"),
        ({-1: 1.0}, r"must increase, from at least 0 to at most 2\^31 - 2, got \[-1\]"),
        ({2: 1.0, 1: 0.5}, r"must increase, from .*, got \[2, 1\]"),
        ([(1, 1.0), (1, 0.5)], r"must increase, from .*, got \[1, 1\]"),
        ({2**31: 1.0}, "must increase, from"),
        ({1.5: 1.0}, r"the steps of points must be integers, got \[1.5\]"),
        ({1: float("inf")}, r"the values of points must be finite, got \[inf\]"),
    ],
)
def test_bad_points_are_refused(points, words):
    with pytest.raises(ValueError, match=words):
        piecewise_linear(points)
