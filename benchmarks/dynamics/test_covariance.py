"""Where noisy momentum comes to rest on a quadratic: the closed form against SciPy's Lyapunov solver."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from kexue.dynamics import sgd_stationary_cov

DIM, RATE, MOMENTUM = 100, 0.05, 0.9


def problem():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, DIM, DIM))
    return a @ a.T / DIM + 0.1 * np.eye(DIM), b @ b.T / DIM


def closed_form(hessian, noise_cov):
    with jax.enable_x64(True):
        return compiled(jnp.asarray(hessian), jnp.asarray(noise_cov), RATE, MOMENTUM)


compiled = jax.jit(sgd_stationary_cov)


def lyapunov(hessian, noise_cov):
    eye, zero = np.eye(DIM), np.zeros((DIM, DIM))
    step = np.block([[(1 + MOMENTUM) * eye - RATE * hessian, -MOMENTUM * eye], [eye, zero]])
    forcing = np.block([[RATE**2 * noise_cov, zero], [zero, zero]])
    return solve_discrete_lyapunov(step, forcing)[:DIM, :DIM]


@pytest.mark.benchmark(group="stationary covariance of momentum, 100 parameters, float64")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(closed_form, id="kexue.dynamics.sgd_stationary_cov"),
        pytest.param(lyapunov, id="scipy.linalg.solve_discrete_lyapunov"),
    ],
)
def test_stationary_covariance(measure, way):
    measure(way, *problem(), tolerance=1e-10)
