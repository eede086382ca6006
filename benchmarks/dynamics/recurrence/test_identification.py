"""Four coefficients of Lotka and Volterra's equations from 100 points of a trajectory: ours, and gradient descent.

Both end within a thousandth of the truth; Adam is stopped there by who knows the truth, and so gains what a stopping
rule would cost.
"""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from kexue.dynamics import fit_parameters

TRUTH, GUESS = np.array([1.5, 1.0, 3.0, 1.0], np.float32), np.array([1.2, 0.8, 2.5, 1.2], np.float32)
START, TIMES = np.ones(2, np.float32), 0.1 * np.arange(1, 101)
EQUAL = 1e-3


def field(x, t, p):
    return jnp.stack([x[0] * (p[0] - p[1] * x[1]), x[1] * (p[3] * x[0] - p[2])])


def exact(t, x):
    return [x[0] * (TRUTH[0] - TRUTH[1] * x[1]), x[1] * (TRUTH[3] * x[0] - TRUTH[2])]


VALUES = solve_ivp(exact, (0, 10), START, "DOP853", TIMES, rtol=1e-10, atol=1e-12).y.T.astype(np.float32)


def error(params):
    return float(np.abs(np.asarray(params) / TRUTH - 1).max())


def ours():
    fit = fit_parameters(field, GUESS, START, TIMES, VALUES, step=0.1)
    assert fit.converged
    return fit.params


TERM, SAVED = diffrax.ODETerm(lambda t, x, p: field(x, t, p)), diffrax.SaveAt(ts=jnp.asarray(TIMES, jnp.float32))


def misfit(u, adjoint):
    found = diffrax.diffeqsolve(
        TERM, diffrax.Tsit5(), 0.0, 10.0, 0.1, START, args=jnp.exp(u), saveat=SAVED, max_steps=128, adjoint=adjoint
    )
    return (found.ys - VALUES).ravel()


ADAM = optax.adam(0.02)


@jax.jit
def update(u, state):
    gradient = jax.grad(lambda u: jnp.mean(misfit(u, diffrax.RecursiveCheckpointAdjoint()) ** 2))(u)
    updates, state = ADAM.update(gradient, state)
    return optax.apply_updates(u, updates), state


def adam():
    u = jnp.log(GUESS)
    state = ADAM.init(u)
    for _ in range(20_000):
        u, state = update(u, state)
        if error(jnp.exp(u)) < EQUAL:
            return jnp.exp(u)
    raise AssertionError(f"Adam is still off by {error(jnp.exp(u)):.1e}")


RESIDUALS = jax.jit(lambda u: misfit(u, diffrax.ForwardMode()))
JACOBIAN = jax.jit(jax.jacfwd(RESIDUALS))


def minpack():
    found = least_squares(
        lambda u: np.asarray(RESIDUALS(u.astype(np.float32)), np.float64),
        np.log(GUESS.astype(float)),
        jac=lambda u: np.asarray(JACOBIAN(u.astype(np.float32)), np.float64),
        method="lm",
        xtol=1e-5,
        ftol=1e-5,
    )
    return np.exp(found.x)


@pytest.mark.benchmark(group="4 parameters of an ODE from 100 points")
@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(ours, id="kexue.dynamics.fit_parameters"),
        pytest.param(adam, id="diffrax's adjoint and optax.adam"),
        pytest.param(minpack, id="diffrax and scipy.optimize.least_squares"),
    ],
)
def test_fit(measure, benchmark, fit):
    measure(fit, tolerance=2 * EQUAL)
    benchmark.extra_info["error"] = error(fit())
    print(f"\n{fit.__name__}: parameters off by {benchmark.extra_info['error']:.1e}")
    assert benchmark.extra_info["error"] < EQUAL
