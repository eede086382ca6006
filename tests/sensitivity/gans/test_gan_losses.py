"""The games at an ideal discriminator against SciPy's divergences, linear programs and general optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from kexue.sensitivity import (
    LOSSES,
    game_value,
    gan_losses,
    jensen_shannon,
    loss_index,
    optimal_discriminator,
    selected_loss,
    total_variation,
    triangular_discrimination,
)

# Two laws on six atoms in multiples of 1/20: all pairs of a real and a fake atom are a batch of 400.
COUNTS_P, COUNTS_Q = np.array([6, 1, 4, 2, 5, 2]), np.array([2, 5, 1, 4, 3, 5])
P, Q = COUNTS_P / 20, COUNTS_Q / 20
REAL = np.repeat(np.repeat(np.arange(6), COUNTS_P), 20)
FAKE = np.tile(np.repeat(np.arange(6), COUNTS_Q), 20)
PLACES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [-1.0, 1.0], [2.0, 2.0]])
DISTANCE = np.linalg.norm(PLACES[:, None] - PLACES[None], axis=-1)
CLOSED = [name for name in LOSSES if name not in ("Wasserstein", "RaGAN", "RaLSGAN")]


def expected(name):
    """Discriminator's expected loss of a table of scores, through the library's loss on the batch of all pairs."""

    def value(scores):
        real, fake = scores[REAL], scores[FAKE]
        return gan_losses(real, fake, jnp.asarray(DISTANCE)[REAL, FAKE]).discriminator[loss_index(name)]

    return jax.jit(jax.value_and_grad(value))


@pytest.mark.parametrize("name", [name for name in CLOSED if name != "hinge"])
def test_closed_forms_are_what_a_general_optimiser_finds(name):
    with jax.enable_x64(True):
        objective = expected(name)
        found = minimize(lambda s: [np.asarray(x) for x in objective(jnp.asarray(s))], np.zeros(6), jac=True, tol=1e-12)
        arguments = name, jnp.asarray(P), jnp.asarray(Q)
        value = game_value(*arguments, distance=jnp.asarray(DISTANCE))
        best = optimal_discriminator(*arguments, distance=jnp.asarray(DISTANCE))
        np.testing.assert_allclose(value, found.fun, rtol=1e-9)
        np.testing.assert_allclose(objective(best)[0], value, rtol=1e-12)
        np.testing.assert_allclose(objective(best)[1], 0, atol=1e-12)
        offset = found.x.mean() - best.mean() if name in ("RSGAN", "GAN-QP") else 0.0
        np.testing.assert_allclose(best + offset, found.x, atol=1e-5)


def test_hinge_is_a_linear_program():
    # minimise sum p a + q b over (D, a, b) with a >= 1 - D, b >= 1 + D, a, b >= 0
    eye, zero = np.eye(6), np.zeros((6, 6))
    rows = np.block([[-eye, -eye, zero], [eye, zero, -eye]])
    bounds = [(None, None)] * 6 + [(0, None)] * 12
    found = linprog(np.r_[np.zeros(6), P, Q], A_ub=rows, b_ub=-np.ones(12), bounds=bounds)
    with jax.enable_x64(True):
        p, q = jnp.asarray(P), jnp.asarray(Q)
        np.testing.assert_allclose(game_value("hinge", p, q), found.fun, atol=1e-12)
        np.testing.assert_allclose(expected("hinge")(optimal_discriminator("hinge", p, q))[0], found.fun, atol=1e-12)
    np.testing.assert_allclose(found.fun, 2 * np.minimum(P, Q).sum(), atol=1e-12)


def test_values_are_the_divergences_of_scipy():
    with jax.enable_x64(True):
        p, q = jnp.asarray(P), jnp.asarray(Q)
        js = jensenshannon(P, Q) ** 2
        np.testing.assert_allclose(jensen_shannon(p, q), js, rtol=1e-13)
        np.testing.assert_allclose(game_value("non-saturating", p, q), 2 * np.log(2) - 2 * js, rtol=1e-13)
        np.testing.assert_allclose(game_value("KL", p, q), -entropy(P, Q), rtol=1e-13)
        np.testing.assert_allclose(game_value("reverse KL", p, q), -entropy(Q, P), rtol=1e-13)
        pairs = np.outer(P, Q)
        paired = np.log(2) - jensenshannon(pairs.ravel(), pairs.T.ravel()) ** 2
        np.testing.assert_allclose(game_value("RSGAN", p, q), paired, rtol=1e-12)
        np.testing.assert_allclose(total_variation(p, q), abs(P - Q).sum() / 2, rtol=1e-13)
        mixed = P + Q  # Pearson's chi-square of 2q against p + q
        np.testing.assert_allclose(triangular_discrimination(p, q), ((2 * Q - mixed) ** 2 / mixed).sum(), rtol=1e-13)
        half_linear = -(P - Q) @ np.asarray(optimal_discriminator("GAN-QP", p, q, distance=jnp.asarray(DISTANCE))) / 2
        np.testing.assert_allclose(game_value("GAN-QP", p, q, distance=jnp.asarray(DISTANCE)), half_linear, rtol=1e-12)


def test_disjoint_and_equal_laws():
    p, q = jnp.array([0.5, 0.5, 0.0, 0.0]), jnp.array([0.0, 0.0, 0.25, 0.75])
    np.testing.assert_allclose(jensen_shannon(p, q), np.log(2), rtol=1e-6)
    np.testing.assert_allclose(game_value("hinge", p, q), 0.0)
    np.testing.assert_allclose(game_value("least squares", p, q), 0.0)
    np.testing.assert_allclose(game_value("RSGAN", p, q), 0.0, atol=1e-6)
    for name, value in (("saturating", 2 * np.log(2)), ("hinge", 2), ("KL", 0), ("RSGAN", np.log(2)), ("GAN-QP", 0)):
        apart = jnp.ones((4, 4)) - jnp.eye(4)
        np.testing.assert_allclose(game_value(name, p, p, distance=apart), value, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "slope_real", "slope_fake", "slope_generator"),
    [
        ("saturating", lambda r: -1 / (1 + np.exp(r)), lambda f: 1 / (1 + np.exp(-f)), lambda f: -1 / (1 + np.exp(-f))),
        (
            "non-saturating",
            lambda r: -1 / (1 + np.exp(r)),
            lambda f: 1 / (1 + np.exp(-f)),
            lambda f: -1 / (1 + np.exp(f)),
        ),
        ("least squares", lambda r: r - 1, lambda f: f + 1, lambda f: f - 1),
        ("least squares, target 0", lambda r: r - 1, lambda f: f + 1, lambda f: f),
        ("Wasserstein", lambda r: -1 + 0 * r, lambda f: 1 + 0 * f, lambda f: -1 + 0 * f),
        ("hinge", lambda r: -1.0 * (r < 1), lambda f: 1.0 * (f > -1), lambda f: -1 + 0 * f),
        ("KL", lambda r: -1 + 0 * r, lambda f: np.exp(f - 1), lambda f: -np.exp(f - 1)),
        ("reverse KL", lambda r: -np.exp(-r), lambda f: 1 + 0 * f, lambda f: -1 + 0 * f),
    ],
)
def test_gradients_by_hand(name, slope_real, slope_fake, slope_generator):
    real, fake = np.array([2.0, -0.5, 0.3, 5.0]), np.array([-3.0, 0.7, 1.5, -0.2])
    loss = LOSSES[name]
    r, f = jax.grad(lambda r, f: loss(r, f).discriminator, (0, 1))(jnp.asarray(real), jnp.asarray(fake))
    g = jax.grad(lambda f: loss(jnp.asarray(real), f).generator)(jnp.asarray(fake))
    for found, slope in ((r, slope_real(real)), (f, slope_fake(fake)), (g, slope_generator(fake))):
        np.testing.assert_allclose(found, slope / 4, rtol=1e-5)


def test_relativistic_losses_by_hand():
    real, fake, distance = np.array([2.0, -0.5, 0.3]), np.array([-3.0, 0.7, 1.5]), np.array([1.0, 2.0, 0.5])
    soft = lambda x: np.log1p(np.exp(x))  # noqa: E731
    data, samples = real - fake.mean(), fake - real.mean()
    by_hand = {
        "RSGAN": (soft(-(real - fake)).mean(), soft(real - fake).mean()),
        "RaGAN": (soft(-data).mean() + soft(samples).mean(), soft(data).mean() + soft(-samples).mean()),
        "RaLSGAN": (
            ((data - 1) ** 2).mean() / 2 + ((samples + 1) ** 2).mean() / 2,
            ((data + 1) ** 2).mean() / 2 + ((samples - 1) ** 2).mean() / 2,
        ),
        "GAN-QP": (-(real - fake - (real - fake) ** 2 / (20 * distance)).mean(), (real - fake).mean()),
    }
    found = gan_losses(*map(jnp.asarray, (real, fake, distance)))
    for name, values in by_hand.items():
        np.testing.assert_allclose([player[loss_index(name)] for player in found], values, rtol=1e-5)
    # Only the differences of scores matter to a relativistic loss.
    moved = gan_losses(*map(jnp.asarray, (real + 7, fake + 7, distance)))
    for name in by_hand:
        np.testing.assert_allclose(moved.generator[loss_index(name)], by_hand[name][1], rtol=1e-4)


def test_a_pair_at_one_point_says_nothing():
    zero, one = jnp.zeros(1), jnp.ones(1)
    slope = jax.grad(lambda r: LOSSES["GAN-QP"](r, zero, zero).discriminator)(zero)
    np.testing.assert_allclose(slope, -one)


def test_selection_under_jit_vmap_and_overflow():
    real, fake, distance = (jax.random.normal(jax.random.key(i), (7,)) for i in range(3))
    distance = jnp.abs(distance)
    every = gan_losses(real, fake, distance)
    indices = jnp.arange(len(LOSSES))
    chosen = jax.jit(jax.vmap(selected_loss, (0, None, None, None)))(indices, real, fake, distance)
    np.testing.assert_allclose(chosen.discriminator, every.discriminator, rtol=1e-5)
    np.testing.assert_allclose(chosen.generator, every.generator, rtol=1e-5)
    assert chosen.generator.dtype == jnp.float32
    far = jnp.array([300.0, -300.0])  # exp overflows in float32
    for name in ("Wasserstein", "hinge", "non-saturating"):
        for player in ("discriminator", "generator"):
            value = lambda f, n=name, p=player: getattr(selected_loss(loss_index(n), far, f, far), p)  # noqa: E731
            assert np.all(np.isfinite(jax.grad(value)(far)))


def test_double_precision_is_kept():
    with jax.enable_x64(True):
        scores = jnp.linspace(-1.0, 1.0, 5)
        assert gan_losses(scores, scores, scores**2).generator.dtype == jnp.float64
        assert selected_loss(3, scores, scores, scores**2).generator.dtype == jnp.float64
        assert game_value("RSGAN", jnp.asarray(P), jnp.asarray(Q)).dtype == jnp.float64


def test_bad_input():
    scores = jnp.zeros(3)
    with pytest.raises(ValueError, match="loss must be one of 'saturating', .*got 'WGAN'"):
        loss_index("WGAN")
    with pytest.raises(ValueError, match=r"one length, at least 1, got shapes \[\(3,\), \(2,\), None\]"):
        gan_losses(scores, jnp.zeros(2))
    with pytest.raises(ValueError, match="at least 1"):
        selected_loss(0, jnp.zeros(0), jnp.zeros(0), jnp.zeros(0))
    with pytest.raises(ValueError, match=r"index must be in \[0, 12\), got 12"):
        selected_loss(12, scores, scores, scores)
    with pytest.raises(ValueError, match="closed form.*got 'RaGAN'"):
        optimal_discriminator("RaGAN", jnp.asarray(P), jnp.asarray(Q))
    with pytest.raises(ValueError, match="loss must be one of"):
        game_value("chi-square", jnp.asarray(P), jnp.asarray(Q))
    with pytest.raises(ValueError, match=r"same atoms.*\(6,\) and \(5,\)"):
        game_value("hinge", jnp.asarray(P), jnp.asarray(Q)[:5])
    with pytest.raises(ValueError, match="distance must be a matrix of 6 x 6.*got shape None"):
        game_value("GAN-QP", jnp.asarray(P), jnp.asarray(Q))
