"""Flows and update rules of games against NumPy loops, SciPy integrators and powers of matrices."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import fsolve

from kexue.dynamics import dirac_field, game_jacobian, integrate_game, play, polyak_average, scheme_matrix

OPTIONS = [
    ("alternating", {}), ("alternating", {"momentum": -0.4, "lr_ratio": 3.0, "critic_steps": 3}),
    ("simultaneous", {}), ("simultaneous", {"momentum": 0.3, "lr_ratio": 0.5}), ("extragradient", {"lr_ratio": 2.0}),
    ("extragradient", {"momentum": 0.2}), ("optimistic", {}), ("optimistic", {"momentum": -0.2, "lr_ratio": 2.0}),
    ("consensus", {"consensus": 0.3, "lr_ratio": 2.0}), ("proximal", {}), ("proximal", {"momentum": 0.1, "lr_ratio": 0.7}),
]  # fmt: skip


def velocity(z):
    """A game with no symmetry at all: u(φ, θ) and v(φ, θ), as NumPy or JAX arrays."""
    φ, θ = z
    return 0.3 * φ - 1.2 * θ + 0.1 * φ * θ - 0.2 * φ**3, 0.9 * φ - 0.1 * θ - 0.15 * θ**3 + 0.05 * φ**2


field = lambda z: jnp.stack(velocity(z))  # noqa: E731


def by_loop(scheme, γ, steps, momentum=0.0, lr_ratio=1.0, critic_steps=1, consensus=0.0):
    """Written coordinate by coordinate, for the field above and one dimension a player."""
    z, before, rates = np.array([0.8, -0.5]), np.array([0.8, -0.5]), np.array([γ * lr_ratio, γ])
    v = lambda z: np.array(velocity(z))  # noqa: E731
    path, old = [z], v(z)
    for _ in range(steps):
        if scheme == "alternating":
            (φ, θ), (φ0, θ0) = z, before
            for _ in range(critic_steps):
                φ, φ0 = φ + rates[0] * v([φ, θ])[0] + momentum * (φ - φ0), φ
            z, before = np.array([φ, θ + rates[1] * v([φ, θ])[1] + momentum * (θ - θ0)]), np.array([φ0, θ])
            path.append(z)
            continue
        if scheme == "extragradient":
            d = v(z + rates * v(z))
        elif scheme == "optimistic":
            d, old = 2 * v(z) - old, v(z)
        elif scheme == "consensus":
            half_square = lambda z: np.sum(v(z) ** 2) / 2  # noqa: E731
            h = 1e-6 * np.eye(2)
            d = v(z) - consensus * np.array([(half_square(z + e) - half_square(z - e)) / 2e-6 for e in h])
        elif scheme == "proximal":
            d = v(fsolve(lambda x, z=z: x - z - rates * v(x), z, xtol=1e-13))
        else:
            d = v(z)
        z, before = z + rates * d + momentum * (z - before), z
        path.append(z)
    return np.array(path)


@pytest.mark.parametrize(("scheme", "options"), OPTIONS)
def test_play_takes_the_steps_of_a_written_out_loop(scheme, options):
    with jax.enable_x64(True):
        path = play(field, jnp.array([[0.8], [-0.5]]), 0.2, 25, scheme=scheme, **options)
        np.testing.assert_allclose(path[..., 0], by_loop(scheme, 0.2, 25, **options), atol=1e-8)


@pytest.mark.parametrize(("scheme", "options"), OPTIONS)
def test_matrix_powers_are_the_path_of_a_linear_game(scheme, options):
    with jax.enable_x64(True):
        jacobian = np.random.default_rng(0).normal(size=(6, 6)) / 2
        z0 = np.arange(1.0, 7.0)
        linear = lambda z: (jnp.asarray(jacobian) @ z.ravel()).reshape(2, 3)  # noqa: E731
        path = play(linear, jnp.asarray(z0.reshape(2, 3)), 0.3, 5, scheme=scheme, **options)
        matrix = scheme_matrix(jacobian, 0.3, scheme, **options)
        assert isinstance(matrix, np.ndarray)
        assert len(matrix) == (12 if "momentum" in options or scheme == "optimistic" else 6)
        state = np.resize(z0, len(matrix))
        for n in range(6):
            np.testing.assert_allclose(path[n].ravel(), state[:6], rtol=1e-10)
            state = matrix @ state
        traced = jax.jit(lambda j, γ: scheme_matrix(j, γ, scheme, **options))(jnp.asarray(jacobian), 0.3)
        np.testing.assert_allclose(traced, matrix, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("scheme", ["alternating", "simultaneous", "extragradient", "consensus", "proximal"])
def test_matrix_is_the_jacobian_of_one_step(scheme):
    with jax.enable_x64(True):
        options = {"consensus": 0.2} if scheme == "consensus" else {"lr_ratio": 1.5}
        equilibrium, game = jnp.zeros((2, 2)), dirac_field("non-saturating", lam=0.2, sigma=0.7)
        one_step = lambda x: play(game, x.reshape(2, 2), 0.4, 1, scheme=scheme, **options)[1].ravel()  # noqa: E731
        matrix = scheme_matrix(
            np.asarray(jax.jit(lambda z: game_jacobian(game, z))(equilibrium)), 0.4, scheme, **options
        )
        np.testing.assert_allclose(matrix, jax.jit(jax.jacfwd(one_step))(equilibrium.ravel()), atol=1e-10)


def radius(scheme, γ, **options):
    rotation = np.array([[0.0, -1.0], [1.0, 0.0]])
    return np.abs(np.linalg.eigvals(scheme_matrix(rotation, γ, scheme, **options))).max()


@pytest.mark.parametrize("γ", [0.05, 0.3, 0.45])
def test_moduli_on_the_bilinear_game_are_the_closed_forms(γ):
    assert radius("simultaneous", γ) == pytest.approx(np.sqrt(1 + γ**2), abs=1e-12)
    assert radius("extragradient", γ) == pytest.approx(np.sqrt(1 - γ**2 + γ**4), abs=1e-12)
    assert radius("proximal", γ) == pytest.approx(1 / np.sqrt(1 + γ**2), abs=1e-12)
    assert radius("optimistic", γ) == pytest.approx(np.sqrt((1 + np.sqrt(1 - 4 * γ**2)) / 2), abs=1e-12)
    assert radius("consensus", γ, consensus=0.5) == pytest.approx(np.hypot(1 - γ / 2, γ), abs=1e-12)
    assert radius("alternating", γ, critic_steps=4) == pytest.approx(1, abs=1e-12)
    assert radius("alternating", γ / 5, lr_ratio=20.0) == pytest.approx(1, abs=1e-12)


def test_alternating_conserves_its_own_quadratic_form():
    with jax.enable_x64(True):
        γ = 0.3
        φ, θ = play(dirac_field("wgan"), jnp.array([[1.0], [0.2]]), γ, 500)[..., 0].T
        form = φ**2 + θ**2 - γ * φ * θ
        np.testing.assert_allclose(form, form[0], rtol=1e-12)
        assert radius("alternating", 1.99) == pytest.approx(1) and radius("alternating", 2.01) > 1.1


def test_flow_against_scipy_and_of_fourth_order():
    with jax.enable_x64(True):
        z0 = jnp.array([[0.8], [-0.5]])
        reference = solve_ivp(lambda t, z: velocity(z), (0, 7), [0.8, -0.5], rtol=1e-12, atol=1e-13).y[:, -1]
        errors = [np.abs(integrate_game(field, z0, 7.0, n)[-1].ravel() - reference).max() for n in (70, 140)]
        assert errors[1] < 1e-6 and 13 < errors[0] / errors[1] < 20
        assert integrate_game(field, z0, 7.0, 70).shape == (71, 2, 1)


class Players(NamedTuple):
    judge: dict
    forger: jax.Array


def test_players_may_be_pytrees():
    z0 = jnp.array([[0.8], [-0.5]])
    moves = lambda z: Players({"φ": velocity((z[0]["φ"], z[1]))[0]}, velocity((z[0]["φ"], z[1]))[1])  # noqa: E731
    start = Players({"φ": z0[0]}, z0[1])
    for scheme in ("alternating", "consensus", "proximal"):
        path = play(moves, start, 0.1, 7, scheme=scheme)
        expected = play(field, z0, 0.1, 7, scheme=scheme)
        assert isinstance(path, Players)
        np.testing.assert_allclose(jnp.stack([path.judge["φ"], path.forger], 1), expected, rtol=1e-5)
    pair = lambda z: velocity(z)  # noqa: E731
    np.testing.assert_allclose(play(pair, (z0[0], z0[1]), 0.1, 7)[1], play(field, z0, 0.1, 7)[:, 1], rtol=1e-6)
    flow = integrate_game(moves, start, 1.0, 10)
    np.testing.assert_allclose(flow.forger, integrate_game(field, z0, 1.0, 10)[:, 1], rtol=1e-5)
    np.testing.assert_allclose(game_jacobian(moves, start), game_jacobian(field, z0), rtol=1e-6)


def test_jacobian_against_finite_differences():
    with jax.enable_x64(True):
        z, h = np.array([0.8, -0.5]), 1e-6
        columns = [(np.array(velocity(z + e)) - np.array(velocity(z - e))) / (2 * h) for e in h * np.eye(2)]
        np.testing.assert_allclose(game_jacobian(field, jnp.asarray(z[:, None])), np.array(columns).T, atol=1e-8)


def test_jit_vmap_and_dtype():
    starts = jnp.stack([jnp.array([[0.8], [-0.5]]), jnp.array([[0.1], [0.4]])])
    for scheme in ("alternating", "optimistic", "consensus"):
        run = lambda z, γ, s=scheme: play(field, z, γ, 5, scheme=s)  # noqa: E731
        together = jax.jit(jax.vmap(run))(starts, jnp.array([0.1, 0.2]))
        np.testing.assert_allclose(together[1], run(starts[1], 0.2), rtol=2e-5, atol=1e-6)
        assert together.dtype == jnp.float32
    flows = jax.jit(jax.vmap(lambda z, t: integrate_game(field, z, t, 20)))(starts, jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(flows[1], integrate_game(field, starts[1], 2.0, 20), rtol=1e-5)
    jacobians = jax.jit(jax.vmap(lambda z: game_jacobian(field, z)))(starts)
    np.testing.assert_allclose(jacobians[1], game_jacobian(field, starts[1]), rtol=1e-6)
    traced = jax.jit(lambda z, β: play(field, z, 0.1, 5, momentum=β))(starts[0], -0.5)
    np.testing.assert_allclose(traced, play(field, starts[0], 0.1, 5, momentum=-0.5), rtol=1e-5)
    two = jax.vmap(lambda γ: scheme_matrix(jnp.eye(2), γ, "extragradient"))(jnp.array([0.1, 0.2]))
    np.testing.assert_allclose(two[1], scheme_matrix(np.eye(2), 0.2, "extragradient"), rtol=1e-6)
    with jax.enable_x64(True):
        half = play(field, starts[0].astype(jnp.float32), jnp.float32(0.1), 2, scheme="proximal")
        assert half.dtype == jnp.float32


def test_average_forgets_or_counts():
    with jax.enable_x64(True):
        path = play(dirac_field("wgan"), jnp.array([[1.0], [0.0]]), 0.1, 12000)
        tree = {"z": path}
        step = lambda ema, z: (polyak_average(z, ema, 0.999),) * 2  # noqa: E731
        late = jax.lax.scan(step, {"z": path[0]}, tree)[1]["z"][-2000:, :, 0]
        ω = np.arccos(1 - 0.1**2 / 2)
        predicted = 0.001 / abs(1 - 0.999 * np.exp(1j * ω))
        size = np.linalg.norm(late, axis=1)
        assert 0.9 * predicted < size.min() < size.max() < 1.3 * predicted
        count = lambda mean, nz: (polyak_average(nz[1], mean, nz[0] / (nz[0] + 1)), None)  # noqa: E731
        mean = jax.lax.scan(count, jnp.zeros((2, 1)), (jnp.arange(12001.0), path))[0]
        np.testing.assert_allclose(mean, np.mean(path, axis=0), atol=1e-12)
    assert polyak_average(jnp.ones(2), jnp.zeros(2), 0.9).dtype == jnp.float32


def test_bad_input_is_refused():
    z = jnp.ones((2, 1))
    cases = [
        (lambda: play(field, z, 0.1, 5, scheme="nash"), "scheme must be one of 'alternating', .*, got 'nash'"),
        (lambda: play(field, z, 0.1, 0), "steps must be at least 1, got 0"),
        (lambda: play(field, z, -0.1, 5), "learning_rate must be positive and finite, got -0.1"),
        (lambda: play(field, z, 0.1, 5, momentum=1.0), r"momentum must be in \(-1, 1\), got 1.0"),
        (lambda: play(field, z, 0.1, 5, lr_ratio=0.0), "lr_ratio must be positive"),
        (lambda: play(field, z, 0.1, 5, critic_steps=0), "critic_steps must be at least 1, got 0"),
        (lambda: play(field, z, 0.1, 5, scheme="optimistic", critic_steps=2), "critic_steps must be 1 unless.*got 2"),
        (lambda: play(field, z, 0.1, 5, consensus=0.1), "consensus must be 0 unless.*got 0.1"),
        (lambda: play(field, jnp.ones((3, 1)), 0.1, 5), r"z0 must be an array of shape \(2, ...\) or a pair"),
        (lambda: play(lambda z: z, (z, z, z), 0.1, 5), r"z0 must be an array of shape \(2, ...\) or a pair"),
        (lambda: play(field, jnp.ones((2, 1), int), 0.1, 5), "z0 must be a floating-point array"),
        (lambda: play(lambda z: z[0], z, 0.1, 5), "field must return what it is given"),
        (lambda: integrate_game(field, z, 0.0, 5), "t1 must be positive and finite, got 0.0"),
        (lambda: integrate_game(field, z, 1.0, 0), "steps must be at least 1, got 0"),
        (lambda: game_jacobian(field, {}), "z0 must be a floating-point array or a pytree"),
        (lambda: scheme_matrix(np.eye(2), 0.1, "euler"), "scheme must be one of"),
        (lambda: scheme_matrix(np.eye(2), 0.0), "learning_rate must be positive"),
        (lambda: scheme_matrix(np.ones((2, 3)), 0.1), "jacobian must be a non-empty square matrix"),
        (lambda: scheme_matrix(np.eye(2), 0.1, split=2), "split must leave both players some of the 2.*got 2"),
        (lambda: polyak_average(z, z, 1.1), r"decay must be in \[0, 1\], got 1.1"),
        (lambda: polyak_average(z, (z, z), 0.9), "ema must be like params"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
