"""Games as flows and as steps: the Dirac GAN against SciPy's integrator and a NumPy loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kexue.dynamics import dirac_field, integrate_game, play

# Far from parallel: orbits with little angular momentum pass close to where three of the fields are singular.
STARTS = np.random.default_rng(0).uniform(0.3, 0.6, (64, 2, 2)) * np.array([[1.0, 1.0], [-1.0, 1.0]])
FIELDS = [
    dirac_field("non-saturating"),
    dirac_field("wgan"),
    dirac_field("wgan_normalized"),
    dirac_field("gan_qp", lam=1.0),
    dirac_field("wgan", lam=0.1, center=1.0),
    dirac_field("wgan", lam=0.1),
]


@jax.jit
def all_flows(starts):
    ends = [jax.vmap(lambda z, f=field: integrate_game(f, z, 10.0, 1000)[-1])(starts) for field in FIELDS]
    return jnp.stack(ends)


def ours():
    with jax.enable_x64(True):
        return all_flows(jnp.asarray(STARTS))


def logistic(s):
    return 1 / (1 + np.exp(-s))


def vanilla(φ, θ, s):
    return -logistic(s) * θ, logistic(-s) * φ


def wgan(φ, θ, s):
    return -θ, φ


def normalised(φ, θ, s):
    ρ = np.sqrt(φ @ φ)
    return -θ / ρ + s * φ / ρ**3, φ / ρ


def quadratic_potential(φ, θ, s):
    return -θ - s * θ / np.sqrt(θ @ θ), φ


def centred_at_one(φ, θ, s):
    return -θ - 0.2 * (1 - 1 / np.sqrt(φ @ φ)) * φ, φ


def centred_at_zero(φ, θ, s):
    return -θ - 0.2 * φ, φ


def scipy_flows():
    """As the post's script does it, at a tolerance that gives the same accuracy as our fixed steps."""

    def end(field, z0):
        right = lambda t, z: np.concatenate(field(z[:2], z[2:], z[:2] @ z[2:]))  # noqa: E731
        return solve_ivp(right, (0, 10), z0.ravel(), rtol=1e-9, atol=1e-10).y[:, -1].reshape(2, 2)

    fields = (vanilla, wgan, normalised, quadratic_potential, centred_at_one, centred_at_zero)
    return np.stack([[end(field, z0) for z0 in STARTS] for field in fields])


@pytest.mark.benchmark(group="six Dirac GANs from 64 starts up to time 10, float64")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(ours, id="kexue.dynamics.integrate_game"),
        pytest.param(scipy_flows, id="scipy.integrate.solve_ivp"),
    ],
)
def test_flows(measure, way):
    measure(way, tolerance=1e-6)


@jax.jit
def all_turns(starts):
    return jax.vmap(lambda z: play(FIELDS[0], z, 0.05, 2000))(starts)


def our_turns():
    with jax.enable_x64(True):
        return all_turns(jnp.asarray(STARTS))


def numpy_turns():
    """Vectorised over the starts, a Python loop over the steps."""
    φ, θ = STARTS[:, 0].copy(), STARTS[:, 1].copy()
    path = [np.stack([φ, θ], 1)]
    for _ in range(2000):
        φ = φ - 0.05 * logistic(np.sum(φ * θ, 1, keepdims=True)) * θ
        θ = θ + 0.05 * logistic(-np.sum(φ * θ, 1, keepdims=True)) * φ
        path.append(np.stack([φ, θ], 1))
    return np.stack(path, 1)


@pytest.mark.benchmark(group="2,000 alternating steps of the vanilla game from 64 starts, float64")
@pytest.mark.parametrize(
    "way", [pytest.param(our_turns, id="kexue.dynamics.play"), pytest.param(numpy_turns, id="NumPy, a loop over steps")]
)
def test_turns(measure, way):
    measure(way, tolerance=1e-10)
