"""Perturbed maxima against SciPy's adaptive quadrature, closed forms, polynomials in exact fractions, and draws."""

import math
from fractions import Fraction
from functools import cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from kexue.sampling.noise.noises import NOISES, Noise, named_noise
from kexue.sampling.noise.perturbed import (
    exponential_noise_probs,
    fenchel_young_loss,
    perturbed_argmax,
    perturbed_argmax_log_probs,
    perturbed_argmax_probs,
    perturbed_max,
)
from kexue.sampling.noise.perturbed_draws import perturbed_monte_carlo, sample_perturbed
from kexue.sampling.noise.perturbed_nodes import nodes_of_the_maximum

SCIPY = {
    "gumbel": stats.gumbel_r,
    "normal": stats.norm,
    "logistic": stats.logistic,
    "laplace": stats.laplace,
    "exponential": stats.expon,
    "uniform": stats.uniform,
    "cauchy": stats.cauchy,
}
KINKS = {"laplace": (0,), "exponential": (0,), "uniform": (0, 1), "cauchy": (0,)}
ERROR = {"normal": 1e-11, "logistic": 1e-8}  # at 32 nodes; the others are at rounding error
MU = (1.2, 0.3, -0.4, -1.0, 0.1)

# Density and distribution function of one number at a time, by the math module: SciPy's quadrature calls them often.
exp, pi = math.exp, math.pi
SCALAR = {
    "gumbel": (lambda x: exp(-x - exp(-x)) if x > -30 else 0.0, lambda x: exp(-exp(-x)) if x > -30 else 0.0),
    "normal": (lambda x: exp(-x * x / 2) / (2 * pi) ** 0.5, lambda x: math.erfc(-x / 2**0.5) / 2),
    "logistic": (lambda x: exp(-abs(x)) / (1 + exp(-abs(x))) ** 2, special.expit),
    "laplace": (lambda x: exp(-abs(x)) / 2, lambda x: exp(x) / 2 if x < 0 else 1 - exp(-x) / 2),
    "exponential": (lambda x: exp(-x) if x > 0 else 0.0, lambda x: -math.expm1(-x) if x > 0 else 0.0),
    "uniform": (lambda x: 1.0 if 0 < x <= 1 else 0.0, lambda x: min(max(x, 0.0), 1.0)),
    "cauchy": (lambda x: 1 / (pi * (1 + x * x)), lambda x: 0.5 + math.atan(x) / pi),
}


def adaptive(integrand, points):
    edges = [-np.inf, *sorted(set(points)), np.inf]
    return sum(integrate.quad(integrand, a, b, epsabs=1e-14, epsrel=1e-12, limit=200)[0] for a, b in pairwise(edges))


@cache
def reference(name, mu):
    """P(class i wins), each class by its own integral over its own noise."""
    pdf, cdf = SCALAR[name]

    def win(i):
        leads = [mu[i] - m for j, m in enumerate(mu) if j != i]
        points = [kink - gap for kink in KINKS.get(name, (0,)) for gap in (*leads, 0.0)]
        return adaptive(lambda e: pdf(e) * math.prod(cdf(lead + e) for lead in leads), points)

    return np.array([win(i) for i in range(len(mu))])


@cache
def reference_max(name, mu):
    """E max = ∫ (1 − F) over the positive half line − ∫ F over the negative one."""
    cdf = SCALAR[name][1]
    distribution = lambda x: math.prod(cdf(x - m) for m in mu)  # noqa: E731
    points = sorted({0.0, *(kink + m for kink in KINKS.get(name, (0,)) for m in mu)})
    above = sum(integrate.quad(lambda x: 1 - distribution(x), a, b)[0] for a, b in pairwise([*points, 40]) if a >= 0)
    return above - sum(integrate.quad(distribution, a, b)[0] for a, b in pairwise([-40, *points]) if b <= 0)


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(
    "name, mu", [*((name, MU) for name in NOISES), ("laplace", (0.0, 0.0, 0.7)), ("uniform", (0.3, 0.3))]
)
def test_equals_adaptive_quadrature(x64, name, mu):
    result = perturbed_argmax(jnp.array(mu), name)
    np.testing.assert_allclose(jnp.exp(result.log_probs), reference(name, mu), atol=ERROR.get(name, 1e-12), rtol=1e-7)
    assert abs(result.residual) < 10 * ERROR.get(name, 1e-12)
    if name != "cauchy":
        np.testing.assert_allclose(result.expected_max, reference_max(name, mu), atol=1e-8)


@pytest.mark.parametrize("name, start, stop", [("normal", 16, 1e6), ("logistic", 16, 1e4), ("cauchy", 4, 500)])
def test_converges_spectrally(x64, name, start, stop):
    """Twice the nodes divide the error by far more than any fixed power of two; the residual tells of it."""
    error = [
        np.abs(perturbed_argmax_probs(jnp.array(MU), name, k) - reference(name, MU)).max() for k in (start, 2 * start)
    ]
    assert error[0] > stop * error[1] or error[1] < 1e-12
    coarse = perturbed_argmax(jnp.array(MU), name, nodes=start)
    assert 0.1 * error[0] < abs(coarse.residual) < 1e3 * error[0]


def test_polynomials_are_integrated_exactly(x64):
    """n scores need ⌈n/2⌉ nodes for exponential and uniform noise, and one fewer is wrong."""
    for name in ("exponential", "uniform"):
        for n in (4, 5):
            mu = jnp.array(MU[:n]) / 3
            few = perturbed_argmax_probs(mu, name, (n + 1) // 2)
            np.testing.assert_allclose(few, reference(name, tuple(np.asarray(mu).tolist())), atol=1e-13)
    spread = jnp.zeros(6).at[0].set(0.1)
    assert (
        np.abs(
            perturbed_argmax_probs(spread, "exponential", 1) - perturbed_argmax_probs(spread, "exponential", 3)
        ).max()
        > 1e-4
    )


def test_uniform_noise_in_exact_fractions(x64):
    """n = 3 by hand: winning densities are polynomials between 1.5 and 2.5 with kinks at 1.9 and 2.4."""
    mu = [Fraction(3, 2), Fraction(9, 10), Fraction(7, 5)]

    def integral(polynomial, a, b):
        return sum(c * (b ** (k + 1) - a ** (k + 1)) / (k + 1) for k, c in enumerate(polynomial))

    def times(p, q):
        out = [Fraction(0)] * (len(p) + len(q) - 1)
        for i, a in enumerate(p):
            for j, b in enumerate(q):
                out[i + j] += a * b
        return out

    edges = [max(mu), *sorted(m + 1 for m in mu)]
    expected = []
    for i in range(3):
        total = Fraction(0)
        for a, b in pairwise(edges):
            factors = [[-m, Fraction(1)] if b <= m + 1 else [Fraction(1)] for j, m in enumerate(mu) if j != i]
            total += integral(times(*factors), a, b) if b <= mu[i] + 1 else 0
        expected.append(float(total))
    assert sum(expected) == pytest.approx(1)
    np.testing.assert_allclose(perturbed_argmax_probs(jnp.array([1.5, 0.9, 1.4]), "uniform", 2), expected, atol=1e-14)


def test_uniform_gives_exact_zeros_and_finite_loss():
    mu = jnp.array([1.5, 0.4, 0.9])
    probs = perturbed_argmax_probs(mu, "uniform")
    assert probs[1] == 0 and perturbed_argmax_log_probs(mu, "uniform")[1] == -np.inf
    np.testing.assert_allclose(probs, [0.92, 0, 0.08], atol=1e-6)
    gradient = jax.jit(jax.grad(lambda mu: fenchel_young_loss(mu, jnp.array(1), "uniform")))(mu)
    np.testing.assert_allclose(gradient, [0.92, -1, 0.08], atol=1e-6)
    assert np.all(np.isfinite(jax.jit(jax.jacobian(lambda mu: perturbed_argmax_log_probs(mu, "uniform")))(mu)))


@pytest.mark.parametrize("gap", [0.0, 0.8, 3.0])
def test_two_classes_in_closed_form(x64, gap):
    a = np.exp(gap)
    closed = {
        "gumbel": special.expit(gap),
        "normal": stats.norm.cdf(gap / 2**0.5),
        "uniform": 1 - max(1 - gap, 0) ** 2 / 2,
        "exponential": 1 - np.exp(-gap) / 2,
        "laplace": 1 - (2 + gap) / 4 * np.exp(-gap),
        "logistic": a * (a - 1 - gap) / (a - 1) ** 2 if gap else 0.5,
        "cauchy": 0.5 + np.arctan(gap / 2) / np.pi,
    }
    for name, expected in closed.items():
        probs = perturbed_argmax_probs(jnp.array([gap, 0.0]), name)
        np.testing.assert_allclose(probs, [expected, 1 - expected], atol=1e-10, err_msg=name)


def test_gumbel_is_softmax_in_closed_form_and_by_quadrature(x64):
    mu = jnp.array([[3.0, -50.0, 2.0, 400.0], list(MU[:4])])
    np.testing.assert_allclose(perturbed_argmax_log_probs(mu), special.log_softmax(mu, axis=-1), atol=1e-12)
    again = Noise(lambda x: -jnp.exp(-x), lambda x: -x - jnp.exp(-x))
    for nodes in (1, 5, 48):  # the winner does not depend on where the maximum is: any nodes are exact
        np.testing.assert_allclose(perturbed_argmax_probs(mu[1], again, nodes), special.softmax(mu[1]), atol=1e-14)
    np.testing.assert_allclose(perturbed_max(mu[1], again, 64), perturbed_max(mu[1]), atol=1e-9)
    np.testing.assert_allclose(perturbed_max(mu[1]), special.logsumexp(mu[1]) + np.euler_gamma, atol=1e-12)


def test_exponential_closed_form(x64):
    for mu in (MU, (0.0, 0.0), (-1.0, 2.0, 1.9)):
        np.testing.assert_allclose(exponential_noise_probs(jnp.array(mu)), reference("exponential", mu), atol=1e-11)
    ten = jnp.sin(jnp.arange(10.0))
    np.testing.assert_allclose(exponential_noise_probs(ten), perturbed_argmax_probs(ten, "exponential", 5), atol=1e-12)


@pytest.mark.parametrize("name", ["normal", "laplace", "uniform", "cauchy"])
def test_jacobian_is_that_of_scipys_integrals(x64, name):
    mu, h = np.array([0.9, 0.3, 0.0]), 1e-4
    moved = lambda j, s: reference(name, tuple((mu + s * h * np.eye(3)[j]).tolist()))  # noqa: E731
    expected = np.stack([(moved(j, 1) - moved(j, -1)) / (2 * h) for j in range(3)], axis=1)
    log_probs = lambda mu: perturbed_argmax_log_probs(mu, name)  # noqa: E731
    backward = jax.jacobian(lambda mu: perturbed_argmax_probs(mu, name))
    jacobian, forward, values = jax.jit(lambda mu: (backward(mu), jax.jacfwd(log_probs)(mu), log_probs(mu)))(mu)
    np.testing.assert_allclose(jacobian, expected, atol=1e-7)
    np.testing.assert_allclose(np.exp(values)[:, None] * forward, jacobian, atol=1e-12)


@pytest.mark.parametrize(
    "name, nodes", [("normal", 3), ("exponential", 3), ("uniform", 3), ("cauchy", 2), ("laplace", 1)]
)
def test_the_structure_is_exact_with_any_number_of_nodes(name, nodes):
    """In float32: probabilities add to one, the Jacobian is symmetric, its rows add to zero, no eigenvalue < 0."""
    mu = jnp.array([1.2, 0.3, -0.4, 0.35, 0.1])
    has_max = name != "cauchy"

    @jax.jit
    def values(mu):
        law = lambda mu: perturbed_argmax_probs(mu, name, nodes)  # noqa: E731
        slope = jax.grad(lambda mu: perturbed_max(mu, name, nodes))(mu) if has_max else None
        return law(mu), jax.jacobian(law)(mu), slope

    probs, jacobian, slope = values(mu)
    jacobian = np.asarray(jacobian, float)
    np.testing.assert_allclose(probs.sum(), 1, atol=1e-6)
    np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-6)
    np.testing.assert_allclose(jacobian.sum(1), 0, atol=1e-6)
    assert np.linalg.eigvalsh((jacobian + jacobian.T) / 2)[0] > -1e-6
    if has_max:
        np.testing.assert_allclose(slope, probs, atol=1e-6)


@pytest.mark.parametrize("name", ["normal", "cauchy"])
def test_second_derivatives_of_smooth_noises(x64, name):
    mu, h = np.array([0.9, 0.3, 0.0]), 1e-4
    jacobian = jax.jacobian(lambda mu: perturbed_argmax_probs(mu, name))
    single = jax.jit(jacobian)
    expected = np.stack([(single(mu + h * e) - single(mu - h * e)) / (2 * h) for e in np.eye(3)], axis=-1)
    np.testing.assert_allclose(jax.jit(jax.jacobian(jacobian))(mu), expected, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.floats(-3, 3, width=32), min_size=5, max_size=5),
    st.floats(-20, 20, width=32),
    st.permutations(range(5)),
    st.sampled_from(["normal", "uniform", "cauchy"]),
)
def test_order_shift_and_permutation(mu, shift, order, name):
    mu = jnp.array(mu, jnp.float32)
    probs = np.asarray(perturbed_argmax_probs(mu, name))
    np.testing.assert_allclose(perturbed_argmax_probs(mu + shift, name), probs, atol=2e-5)
    np.testing.assert_allclose(perturbed_argmax_probs(mu[jnp.array(order)], name), probs[list(order)], atol=1e-6)
    assert np.all(np.diff(probs[np.argsort(mu, kind="stable")]) >= -1e-6)


@pytest.mark.parametrize("name", NOISES)
def test_far_gaps_in_float32(name):
    """Log probabilities of two classes far apart, against closed forms that do not cancel."""
    for gap in (10.0, 25.0, 60.0):
        closed = {
            "gumbel": -np.logaddexp(0, gap),
            "normal": special.log_ndtr(-gap / 2**0.5),
            "uniform": -np.inf,
            "exponential": -gap - np.log(2),
            "laplace": np.log((2 + gap) / 4) - gap,
            "logistic": np.log(gap - 1 + np.exp(-gap)) - gap - 2 * np.log1p(-np.exp(-gap)),
            "cauchy": np.log(np.arctan(2 / gap) / np.pi),
        }
        result = perturbed_argmax_log_probs(jnp.array([0.0, -gap]), name, nodes=64)
        assert result.dtype == jnp.float32
        np.testing.assert_allclose(result[1], closed[name], rtol=2e-3, err_msg=f"{name} {gap}")
        np.testing.assert_allclose(result[0], np.log1p(-np.exp(closed[name])), atol=2e-5)


@pytest.mark.parametrize("name", ["normal", "cauchy"])
def test_a_thousand_classes_in_float32(name):
    n = 1_000 if name in ("normal", "logistic", "exponential") else 200
    mu = 3 * np.random.default_rng(0).normal(size=n)
    nodes = 32 if n == 1_000 else 12
    single = perturbed_argmax(jnp.array(mu, jnp.float32), name, nodes=nodes)
    assert np.all(np.isfinite(single.log_probs)) and single.log_probs.min() < -5
    with jax.enable_x64(True):
        fine = perturbed_argmax_log_probs(jnp.array(mu), name, 100 if n == 1_000 else 24)
    np.testing.assert_allclose(jnp.exp(single.log_probs), jnp.exp(fine), atol=1e-5)
    np.testing.assert_allclose(single.log_probs, fine, rtol=2e-2, atol=2e-3)
    slope = jax.jit(jax.grad(lambda m: perturbed_argmax(m, name, nodes=nodes).log_probs[0]))
    gradient = slope(jnp.array(mu, jnp.float32))
    assert np.all(np.isfinite(gradient)) and abs(gradient.sum()) < 1e-3


def test_a_thousand_equal_scores():
    for name in ("normal",):
        result = perturbed_argmax(jnp.zeros(1_000), name)
        np.testing.assert_allclose(jnp.exp(result.log_probs), 1e-3, rtol=1e-5)
        sample = np.random.default_rng(0)
        peaks = {"normal": sample.normal, "logistic": sample.logistic, "exponential": sample.exponential}[name]
        maxima = peaks(size=(4_000, 1_000)).max(1)
        assert abs(result.expected_max - maxima.mean()) < 4 * maxima.std() / 4_000**0.5


@pytest.mark.parametrize("name", ["normal", "uniform"])
def test_jit_vmap_dtype_and_batches(name):
    mu = jnp.array([[0.3, 0.1, -0.5], [1.0, 0.9, 0.95]], jnp.float32)
    batch = perturbed_argmax(mu[None], name, nodes=8)
    assert batch.log_probs.shape == (1, 2, 3) and batch.expected_max.shape == (1, 2) == batch.residual.shape
    assert {leaf.dtype for leaf in batch} == {jnp.dtype("float32")}
    one = lambda mu: perturbed_argmax_probs(mu, name, 8)  # noqa: E731
    looped = np.stack([one(row) for row in mu])
    np.testing.assert_allclose(jnp.exp(batch.log_probs[0]), looped, atol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(one))(mu), looped, atol=1e-6)
    slope = jax.grad(lambda mu: one(mu)[0])
    by_row = np.stack([jax.jit(slope)(row) for row in mu])
    np.testing.assert_allclose(jax.jit(jax.vmap(slope))(mu), by_row, atol=1e-6)


@pytest.mark.parametrize("name", ["gumbel", "laplace", "cauchy"])
def test_draws_agree_with_the_quadrature(name):
    mu = jnp.array([0.7, 0.5, 0.1, 0.0])
    draws = 100_000
    counted = perturbed_monte_carlo(jax.random.key(3), mu, name, draws)
    probs = perturbed_argmax_probs(mu, name)
    z = (counted.probs - probs) / jnp.sqrt(probs * (1 - probs) / draws)
    assert np.abs(z).max() < 4
    np.testing.assert_allclose(counted.standard_error, jnp.sqrt(probs * (1 - probs) / draws), rtol=0.05)
    winners = sample_perturbed(jax.random.key(0), jnp.stack([mu, -mu]), name, (5,))
    assert winners.shape == (5, 2) and winners.dtype == jnp.int32


def test_noise_of_the_users_own(x64):
    """Student's t with three degrees of freedom from its distribution function alone; a gamma noise with an end."""
    root = 3**0.5
    near = lambda x: 0.5 + (x / root / (1 + x * x / 3) + jnp.arctan(x / root)) / np.pi  # noqa: E731
    far = lambda x: 2 * root / (np.pi * jnp.abs(x) ** 3)  # noqa: E731
    student = Noise(
        lambda x: jnp.log(jnp.where(x < -1e4, far(jnp.minimum(x, -1)), near(jnp.maximum(x, -1e4)))),
        lambda x: np.log(2 / (np.pi * root)) - 2 * jnp.log1p(x * x / 3),
        kinks=(0.0,),
        tail="algebraic",
    )
    mu = (0.9, 0.0, -0.6)
    gamma_cdf = lambda x: jnp.log(jnp.where(x > 0, -jnp.expm1(-x) - x * jnp.exp(-x), 0))  # noqa: E731
    gamma_pdf = lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)) - x, -jnp.inf)  # noqa: E731
    gamma = Noise(gamma_cdf, gamma_pdf, support=(0.0, np.inf))
    narrow = Noise(lambda x: jax.scipy.stats.norm.logcdf(x / 0.3), quantile=lambda t: 0.3 * jax.scipy.stats.norm.ppf(t))
    pdf, cdf = SCALAR["normal"]
    SCALAR.update(
        student=(stats.t(3).pdf, lambda x: float(special.stdtr(3, x))),
        gamma=(lambda x: x * exp(-x) if x > 0 else 0.0, lambda x: float(special.gammainc(2, x)) if x > 0 else 0.0),
        narrow=(lambda x: pdf(x / 0.3) / 0.3, lambda x: cdf(x / 0.3)),
    )
    KINKS.update(gamma=(0,))
    for name, noise, error in (("student", student, 1e-7), ("gamma", gamma, 1e-7), ("narrow", narrow, 1e-10)):
        np.testing.assert_allclose(perturbed_argmax_probs(jnp.array(mu), noise), reference(name, mu), atol=error)
    z = perturbed_monte_carlo(jax.random.key(0), jnp.array(mu), narrow, 20_000)
    assert np.abs(z.probs - reference("narrow", mu)).max() < 4 * z.standard_error.max()
    np.testing.assert_allclose(
        narrow.quantiles_of_log(np.log([1e-9, 0.7])), stats.norm.ppf([1e-9, 0.7], scale=0.3), rtol=1e-5
    )


@pytest.mark.parametrize("name", NOISES)
def test_what_a_noise_says_of_itself(x64, name):
    noise, x = NOISES[name], np.array([-30.0, -3.0, -0.2, 0.3, 0.9, 4.0, 30.0])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(noise.log_cdf(jnp.array(x)), SCIPY[name].logcdf(x), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(noise.log_density(jnp.array(x)), SCIPY[name].logpdf(x), rtol=1e-9)
    log_p = np.log([1e-12, 0.03, 0.5, 0.8, 1 - 1e-9])
    np.testing.assert_allclose(noise.quantiles_of_log(log_p), SCIPY[name].ppf(np.exp(log_p)), rtol=1e-6, atol=1e-12)
    drawn = np.asarray(noise.sample(jax.random.key(0), (5_000,), jnp.float64))
    assert stats.kstest(drawn, SCIPY[name].cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", ["exponential"])
def test_scaled_noise_is_scaled_scores(x64, name):
    scaled, mu = NOISES[name].scaled(2.5), jnp.array(MU)
    np.testing.assert_allclose(
        perturbed_argmax_probs(mu, scaled, 48), perturbed_argmax_probs(mu / 2.5, name, 48), atol=1e-8
    )
    drawn = np.asarray(scaled.sample(jax.random.key(0), (5_000,), jnp.float64)) / 2.5
    assert stats.kstest(drawn, SCIPY[name].cdf).pvalue > 1e-3


def test_default_density_is_the_derivative():
    plain = Noise(jax.nn.log_sigmoid)
    x = jnp.array([-4.0, 0.0, 2.0])
    np.testing.assert_allclose(plain.log_density(x), stats.logistic.logpdf(x), rtol=1e-5)


def test_fenchel_young_loss_is_cross_entropy_for_gumbel_and_has_the_right_gradient():
    mu, target = jnp.array([[0.4, -1.0, 2.0], [3.0, 0.0, -1.0]]), jnp.array([2, 1])
    loss = fenchel_young_loss(mu, target)
    np.testing.assert_allclose(loss, -special.log_softmax(mu, axis=1)[[0, 1], [2, 1]], atol=1e-5)
    plain = Noise(jax.scipy.stats.norm.logcdf)  # says nothing of its mean
    np.testing.assert_allclose(
        fenchel_young_loss(mu, target, plain), fenchel_young_loss(mu, target, "normal"), atol=1e-5
    )
    for name in ("normal", "uniform"):
        value, gradient = jax.jit(jax.value_and_grad(lambda mu: fenchel_young_loss(mu, target, name).sum()))(mu)  # noqa: B023
        expected = perturbed_argmax_probs(mu, name) - jax.nn.one_hot(target, 3)
        np.testing.assert_allclose(gradient, expected, atol=1e-6)
        assert value > 0
        sure = fenchel_young_loss(jnp.array([30.0, 0.0, 0.0]), jnp.array(0), name)
        assert abs(sure) < 2e-5  # nothing is left to lose


def test_nodes_integrate_the_density_of_the_maximum(x64):
    mu = np.array([0.5, 0.2, -2.0])
    for name in NOISES:
        x, log_weights, _ = nodes_of_the_maximum(jnp.array(mu), NOISES[name], 48)
        cdf, pdf = (f(np.asarray(x)[:, None] - mu) for f in (SCIPY[name].cdf, SCIPY[name].pdf))
        density = sum(pdf[:, i] * np.delete(cdf, i, axis=1).prod(1) for i in range(3))
        assert np.exp(log_weights) @ density == pytest.approx(1, abs=1e-9), name


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: perturbed_argmax(jnp.zeros(1), "normal"), "mu must hold at least 2 scores, got shape"),
        (lambda: perturbed_argmax(jnp.zeros((3, 0)), "normal"), "mu must hold at least 2 scores"),
        (lambda: sample_perturbed(jax.random.key(0), jnp.array([0.0])), "mu must hold at least 2 scores"),
        (lambda: exponential_noise_probs(jnp.zeros(1)), "mu must hold at least 2 scores"),
        (lambda: exponential_noise_probs(jnp.zeros(13)), "mu must have at most 12 scores, got 13"),
        (lambda: perturbed_argmax(jnp.array([0.0, jnp.nan]), "normal"), "mu must be finite"),
        (lambda: perturbed_max(jnp.array([0.0, -jnp.inf])), "mu must be finite"),
        (lambda: perturbed_argmax_probs(jnp.zeros(2), "gaussian"), "noise must be one of 'gumbel', .* got 'gaussian'"),
        (lambda: named_noise("student"), "noise must be one of"),
        (lambda: perturbed_argmax_log_probs(jnp.zeros(2), "normal", 0), "nodes must be at least 1, got 0"),
        (lambda: perturbed_max(jnp.zeros(2), "cauchy"), "noise must have a mean .* got 'cauchy'"),
        (lambda: fenchel_young_loss(jnp.zeros(2), jnp.array(2)), "target must be from 0 to 1"),
        (lambda: perturbed_monte_carlo(jax.random.key(0), jnp.zeros(2), "normal", 0), "draws must be at least 1"),
        (lambda: Noise(jnp.log, support=(1.0, 0.0)), "support must be an interval"),
        (lambda: Noise(jnp.log, support=(0.0, 1.0), kinks=(2.0,)), "kinks must lie inside the support"),
        (lambda: Noise(jnp.log, tail="heavy"), "tail must be 'general', 'exponential' or 'algebraic', got 'heavy'"),
        (lambda: Noise(jnp.log).sample(jax.random.key(0), (2,)), "noise must have quantile or draw"),
        (lambda: NOISES["normal"].scaled(0.0), "scale must be positive"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_traced_bad_scores_give_nan():
    assert np.isnan(jax.jit(lambda mu: perturbed_argmax_probs(mu, "normal"))(jnp.array([0.0, jnp.nan]))).any()


def test_no_second_compilation():
    call = jax.jit(lambda mu: perturbed_argmax_probs(mu, "laplace", 4))
    for shift in (0.0, 1.0, 2.0):
        call(jnp.array([0.0, 1.0, shift]))
    assert call._cache_size() == 1
