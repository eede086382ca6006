"""The Dirac GAN against autodiff of its losses, SciPy quadrature and dense eigenvalues."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.stats import norm

from kexue.dynamics import angular_momentum, dirac_eigenvalues, dirac_field, game_energy, game_jacobian, integrate_game

ALL = ("saturating", "non-saturating", "wgan", "wgan_normalized", "gan_qp", "lsgan", "hinge")
log_logistic = jax.nn.log_sigmoid

# What each player wants to be small, from the discriminator's values on data and on samples.
LOSSES = {
    "saturating": (lambda real, fake: -log_logistic(real) - log_logistic(-fake), lambda fake: log_logistic(-fake)),
    "non-saturating": (lambda real, fake: -log_logistic(real) - log_logistic(-fake), lambda fake: -log_logistic(fake)),
    "wgan": (lambda real, fake: fake - real, lambda fake: -fake),
    "hinge": (lambda real, fake: jax.nn.relu(1 - real) + jax.nn.relu(1 + fake), lambda fake: -fake),
    "lsgan": (lambda real, fake: ((real - 1) ** 2 + (fake + 1) ** 2) / 2, lambda fake: (fake - 1) ** 2 / 2),
}


def by_autodiff(kind, z, lam, center, sigma):
    """Minus the gradients of the expected losses, on a tensor grid of Gauss-Hermite points in the plane."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60 if sigma else 1)
    cloud = sigma * np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2)
    weights = np.outer(weights, weights).ravel() / weights.sum() ** 2

    def discriminator(phi):
        real, fake = cloud @ phi, cloud @ phi + z[1] @ phi
        return weights @ LOSSES[kind][0](real, fake) + lam * (jnp.linalg.norm(phi) - center) ** 2

    generator = lambda theta: weights @ LOSSES[kind][1](cloud @ z[0] + theta @ z[0])  # noqa: E731
    return -jnp.stack([jax.grad(discriminator)(z[0]), jax.grad(generator)(z[1])])


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize(("lam", "center", "sigma"), [(0.0, 0.0, 0.0), (0.7, 1.3, 0.0), (0.2, 0.0, 0.8)])
def test_field_is_minus_the_gradients_of_the_losses(kind, lam, center, sigma):
    sigma = 0.0 if kind == "hinge" else sigma  # its kink needs adaptive quadrature: below
    with jax.enable_x64(True):
        field = dirac_field(kind, lam=lam, center=center, sigma=sigma)
        both = jax.jit(lambda z: (field(z), by_autodiff(kind, z, lam, center, sigma)))
        for z in (jnp.array([[0.4, -0.3], [0.9, 0.5]]), jnp.array([[-1.1, 0.2], [0.3, 1.4]])):
            found, expected = both(z)
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_hinge_with_width_against_adaptive_quadrature():
    phi, theta, sigma = 0.9, -0.7, 1.3
    real = quad(lambda x: x * norm.pdf(x, 0, sigma), -np.inf, 1 / phi, epsabs=1e-12)[0]  # data below the margin pull
    fake = quad(lambda y: y * norm.pdf(y, theta, sigma), -1 / phi, np.inf, epsabs=1e-12)[0]  # samples above push
    with jax.enable_x64(True):
        found = dirac_field("hinge", sigma=sigma)(jnp.array([[phi], [theta]]))
        np.testing.assert_allclose(found.ravel(), [real - fake, phi], rtol=1e-9)
        at_rest = dirac_field("hinge", sigma=sigma)(jnp.array([[0.0], [theta]]))
        np.testing.assert_allclose(at_rest.ravel(), [-theta, 0.0], atol=1e-12)


def test_losses_that_compare_or_normalise():
    with jax.enable_x64(True):
        phi, theta, lam = jnp.array([0.4, -0.3]), jnp.array([0.9, 0.5]), 0.6
        z = jnp.stack([phi, theta])
        potential = lambda p: -(p @ theta) - (p @ theta) ** 2 / (2 * lam * jnp.linalg.norm(theta))  # noqa: E731
        expected = jnp.stack([jax.grad(potential)(phi), phi])
        np.testing.assert_allclose(dirac_field("gan_qp", lam=lam)(z), expected, rtol=1e-12)
        value = lambda p, t: p @ t / jnp.linalg.norm(p)  # noqa: E731
        expected = jnp.stack([-jax.grad(value)(phi, theta), jax.grad(value, 1)(phi, theta)])
        np.testing.assert_allclose(dirac_field("wgan_normalized")(z), expected, rtol=1e-12)


@pytest.mark.parametrize(("kind", "lam", "sigma"), [
    ("non-saturating", 0.3, 0.5), ("non-saturating", 0.0, 1.7), ("saturating", 1.1, 0.0),
    ("wgan", 1.4, 2.0), ("hinge", 0.2, 2.0), ("lsgan", 0.1, 0.7), ("gan_qp", 0.5, 0.0),
])  # fmt: skip
def test_eigenvalues_are_those_of_the_jacobian(kind, lam, sigma):
    order = lambda values: np.sort_complex(np.round(np.asarray(values), 9))  # noqa: E731
    with jax.enable_x64(True):
        jacobian = jax.jit(lambda z: game_jacobian(dirac_field(kind, lam=lam, sigma=sigma), z))(jnp.zeros((2, 3)))
        closed = np.tile(dirac_eigenvalues(kind, lam=lam, sigma=sigma), 3)
        np.testing.assert_allclose(order(np.linalg.eigvals(np.asarray(jacobian))), order(closed), atol=1e-7)


def test_eigenvalues_broadcast_and_keep_their_order():
    found = dirac_eigenvalues("wgan", lam=jnp.array([[0.0], [2.0]]), sigma=jnp.zeros(3))
    assert found.shape == (2, 3, 2)
    np.testing.assert_allclose(found[0, 1], [1j, -1j], atol=1e-6)
    np.testing.assert_allclose(found[1, 2], [-2 + 3**0.5, -2 - 3**0.5], rtol=1e-6)
    jitted = jax.jit(jax.vmap(lambda lam: dirac_eigenvalues("lsgan", lam=lam)))(jnp.array([0.0, 2.0]))
    np.testing.assert_allclose(jitted[1], found[1, 0], rtol=1e-6)


def drift(values):
    return float(np.abs(values - values[0]).max())


@pytest.mark.parametrize("kind", ["saturating", "non-saturating", "wgan", "gan_qp", "lsgan", "hinge"])
def test_a_loss_of_the_product_alone_conserves_the_angular_momentum(kind):
    with jax.enable_x64(True):
        z0 = jnp.array([[0.1, 0.2, -0.3], [0.2, 0.1, 0.4]])
        path = integrate_game(dirac_field(kind, lam=float(kind == "gan_qp")), z0, 60.0, 3000)
        momentum = angular_momentum(path)
        assert drift(np.asarray(momentum)) < 1e-8
        assert np.all(game_energy(path) >= 2 * np.linalg.norm(momentum, 2, axis=(1, 2)) - 1e-9)
        if kind in ("saturating", "wgan", "hinge"):
            assert drift(np.asarray(game_energy(path))) < 1e-8


def test_penalties_act_on_the_angular_momentum():
    with jax.enable_x64(True):
        z0, times = jnp.array([[0.1, 0.2], [0.2, 0.1]]), np.linspace(0, 20, 1001)
        path = integrate_game(dirac_field("non-saturating", lam=0.15), z0, 20.0, 1000)
        np.testing.assert_allclose(angular_momentum(path)[:, 0, 1], 0.03 * np.exp(-0.3 * times), rtol=1e-6)
        path = integrate_game(dirac_field("wgan", lam=0.3, center=1.0), z0, 100.0, 10000)
        np.testing.assert_allclose(np.linalg.norm(path[-1], axis=1), 1.0, atol=1e-6)


def test_a_normalised_critic_conserves_two_things_and_moves_at_speed_one():
    with jax.enable_x64(True):
        path = np.asarray(
            integrate_game(dirac_field("wgan_normalized"), jnp.array([[0.1, 0.2], [0.2, 0.1]]), 5.0, 5000)
        )
        length = np.linalg.norm(path[:, 0], axis=1)
        direction = path[:, 0] / length[:, None]
        along = np.sum(direction * path[:, 1], axis=1)
        across = direction[:, 0] * path[:, 1, 1] - direction[:, 1] * path[:, 1, 0]
        assert drift(length) < 1e-9
        assert drift((along**2 + across**2) / 2 - length**2 * np.log(abs(across))) < 1e-9
        np.testing.assert_allclose(np.linalg.norm(np.diff(path[:, 1], axis=0), axis=1) * 1000, 1.0, rtol=1e-4)


def test_one_dimensional_dry_friction_has_a_closed_amplitude():
    with jax.enable_x64(True):
        lam = 0.2
        path = integrate_game(dirac_field("wgan", lam=lam, center=1.0), jnp.array([[0.5], [0.0]]), 80.0, 80000)
        amplitude = 2 * lam / np.tanh(np.pi * lam / (2 * np.sqrt(1 - lam**2)))
        np.testing.assert_allclose(np.abs(path[-20000:, 1, 0]).max(), amplitude, rtol=1e-3)


def test_field_against_another_integrator():
    with jax.enable_x64(True):
        field = jax.jit(dirac_field("non-saturating", lam=0.1, sigma=0.4))
        z0 = np.array([[1.0, 0.2], [-0.4, 0.8]])
        right = lambda t, z: np.asarray(field(z.reshape(2, 2))).ravel()  # noqa: E731
        reference = solve_ivp(right, (0, 12), z0.ravel(), method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
        np.testing.assert_allclose(integrate_game(field, jnp.asarray(z0), 12.0, 1200)[-1].ravel(), reference, rtol=1e-8)


def test_jit_vmap_and_dtype():
    z = jnp.array([[0.3, -0.2], [0.5, 0.1]])
    fields = lambda z: [dirac_field(kind, lam=0.5)(z) for kind in ALL]  # noqa: E731
    single, batch = jax.jit(fields)(2 * z), jax.jit(jax.vmap(fields))(jnp.stack([z, 2 * z]))
    for kind, one, many in zip(ALL, single, batch, strict=True):
        assert one.dtype == jnp.float32, kind
        np.testing.assert_allclose(many[1], one, rtol=1e-6)
    np.testing.assert_allclose(dirac_field("lsgan", lam=0.5)(2 * z), single[ALL.index("lsgan")], rtol=1e-6)
    numbers = jnp.array([0.1, 0.9])
    family = jax.vmap(lambda a: dirac_field("non-saturating", lam=a, center=a, sigma=a)(z))(numbers)
    np.testing.assert_allclose(family[1], dirac_field("non-saturating", lam=0.9, center=0.9, sigma=0.9)(z), rtol=1e-5)
    path = jnp.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_allclose(jax.vmap(angular_momentum)(path), angular_momentum(path))
    np.testing.assert_allclose(jax.jit(game_energy)(path), np.sum(np.asarray(path) ** 2, axis=(1, 2)))


def test_angular_momentum_is_the_cross_product_in_space():
    z = np.array([[0.3, -0.2, 0.7], [0.5, 0.1, -0.4]], np.float32)
    found = np.asarray(angular_momentum(jnp.asarray(z)))
    np.testing.assert_allclose([found[1, 2], found[2, 0], found[0, 1]], np.cross(z[1], z[0]), rtol=1e-5)
    np.testing.assert_allclose(found, -found.T)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="kind must be one of 'saturating', .*, got 'vanilla'"):
        dirac_field("vanilla")
    for name in ("lam", "center", "sigma"):
        with pytest.raises(ValueError, match=rf"{name} must be at least 0 and finite, got -0.1"):
            dirac_field("wgan", **{name: -0.1})
    with pytest.raises(ValueError, match="sigma must be 0 for 'gan_qp'.*got 0.5"):
        dirac_field("gan_qp", lam=1.0, sigma=0.5)
    with pytest.raises(ValueError, match="lam must be positive for 'gan_qp'.*got 0.0"):
        dirac_field("gan_qp")
    with pytest.raises(ValueError, match="lam must be at least 0"):
        dirac_eigenvalues("wgan", lam=-1.0)
    with pytest.raises(ValueError, match="kind must be one with a Jacobian.*wgan_normalized"):
        dirac_eigenvalues("wgan_normalized")
