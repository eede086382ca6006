"""Gumbel top-k and Plackett–Luce against enumeration and NumPy's draws; relaxed samples against finite differences."""

from functools import partial
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kexue.sampling.noise.gumbel import gumbel_softmax, gumbel_top_k, plackett_luce_log_prob

WEIGHTS = np.array([0.45, 0.25, 0.15, 0.1, 0.05])
MU = jnp.log(jnp.array(WEIGHTS, jnp.float32))


def drawn_without_replacement(order):
    """Multiply what an urn does, one draw after the other."""
    left, p = 1.0, 1.0
    for i in order:
        p *= WEIGHTS[i] / left
        left -= WEIGHTS[i]
    return p


@pytest.mark.parametrize("k", [2, 5])
def test_plackett_luce_is_the_urn(k):
    orders = np.array(list(permutations(range(5), k)))
    ours = np.exp(np.asarray(jax.vmap(plackett_luce_log_prob, (None, 0))(MU + 7.0, jnp.array(orders)), float))
    np.testing.assert_allclose(ours, [drawn_without_replacement(order) for order in orders], rtol=1e-5)
    assert ours.sum() == pytest.approx(1, abs=1e-5)


def test_gumbel_top_k_follows_plackett_luce():
    draws, k = 60_000, 3
    indices, perturbed = gumbel_top_k(jax.random.key(1), jnp.broadcast_to(MU, (draws, 5)), k)
    assert np.all(np.diff(perturbed, axis=1) < 0)
    orders = list(permutations(range(5), k))
    found = np.bincount(np.asarray(indices) @ [25, 5, 1], minlength=125)
    counts = np.array([found[a * 25 + b * 5 + c] for a, b, c in orders])
    expected = draws * np.array([drawn_without_replacement(order) for order in orders])
    assert counts.sum() == draws
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_inclusion_probabilities_are_those_of_numpys_draws():
    rng, draws = np.random.default_rng(0), 4_000
    theirs = (
        np.bincount(np.concatenate([rng.choice(5, 3, replace=False, p=WEIGHTS) for _ in range(draws)]), minlength=5)
        / draws
    )
    ours = (
        np.bincount(np.ravel(gumbel_top_k(jax.random.key(0), jnp.broadcast_to(MU, (40_000, 5)), 3)[0]), minlength=5)
        / 40_000
    )
    assert np.abs(ours - theirs).max() < 4 * 0.5 * (1 / draws + 1 / 40_000) ** 0.5


def test_perturbed_scores_are_gumbel_shifted():
    """The largest of mu + g is a Gumbel variable at logsumexp(mu)."""
    _, perturbed = gumbel_top_k(jax.random.key(2), jnp.broadcast_to(MU, (20_000, 5)), 1)
    assert stats.kstest(np.asarray(perturbed[:, 0], float), stats.gumbel_r.cdf).pvalue > 1e-3


def test_plackett_luce_gradient_and_small_remainders():
    mu, order = jnp.array([40.0, 0.0, -3.0], jnp.float32), jnp.array([0, 1])
    np.testing.assert_allclose(plackett_luce_log_prob(mu, order), -np.log1p(np.exp(-3)), rtol=1e-5)  # nothing cancels
    full = jnp.array([0, 1, 2])
    np.testing.assert_allclose(plackett_luce_log_prob(mu, full), -np.log1p(np.exp(-3)), rtol=1e-5)
    with jax.enable_x64(True):
        mu, h = jnp.array([0.3, -0.2, 0.9, 0.0]), 1e-6
        order = jnp.array([2, 0, 3])
        log_prob = jax.jit(plackett_luce_log_prob)
        expected = [(log_prob(mu + h * e, order) - log_prob(mu - h * e, order)) / (2 * h) for e in np.eye(4)]
        np.testing.assert_allclose(jax.jit(jax.grad(plackett_luce_log_prob))(mu, order), expected, atol=1e-8)


def test_repeated_indices_are_impossible():
    assert jax.jit(plackett_luce_log_prob)(MU, jnp.array([1, 1])) == -np.inf


def test_relaxed_samples():
    mu, key = jnp.array([[0.2, 1.0, -0.3]] * 4, jnp.float32), jax.random.key(5)
    for temperature in (0.1, 1.0, jnp.float32(3.0)):
        soft = gumbel_softmax(key, mu, temperature)
        np.testing.assert_allclose(soft.sum(-1), 1, atol=1e-6)
        hard = gumbel_softmax(key, mu, temperature, straight_through=True)
        np.testing.assert_allclose(hard, np.eye(3)[np.asarray(soft.argmax(-1))], atol=1e-6)
        value = lambda mu, **how: (gumbel_softmax(key, mu, temperature, **how) ** 2 @ jnp.array([1.0, 2.0, 4.0])).sum()  # noqa: B023, E731
        linear = lambda mu, **how: (gumbel_softmax(key, mu, temperature, **how) @ jnp.array([1.0, 2.0, 4.0])).sum()  # noqa: B023, E731
        np.testing.assert_allclose(
            jax.grad(linear)(mu), jax.grad(partial(linear, straight_through=True))(mu), atol=1e-5
        )
        h = 1e-2 * float(temperature)
        moved = (value(mu.at[0, 1].add(h)) - value(mu.at[0, 1].add(-h))) / (2 * h)
        np.testing.assert_allclose(jax.grad(value)(mu)[0, 1], moved, rtol=2e-2, atol=2e-3)
    cold = gumbel_softmax(key, mu, 1e-3)
    np.testing.assert_allclose(cold, jax.nn.one_hot(cold.argmax(-1), 3), atol=1e-3)


def test_relaxed_samples_have_the_argmax_of_their_noise():
    mu = jnp.broadcast_to(jnp.array([0.8, 0.0], jnp.float32), (20_000, 2))
    for noise, expected in (("gumbel", 0.689974), ("normal", 0.714196), ("uniform", 0.98)):
        wins = gumbel_softmax(jax.random.key(0), mu, 0.5, noise=noise).argmax(-1) == 0
        assert abs(wins.mean() - expected) < 4 * (expected * (1 - expected) / 20_000) ** 0.5


def test_jit_vmap_and_dtype():
    keys = jax.random.split(jax.random.key(0), 3)
    top = lambda key: gumbel_top_k(key, MU, 2)  # noqa: E731
    relaxed = lambda key: gumbel_softmax(key, MU, 0.5)  # noqa: E731
    for function in (top, relaxed):
        batch = jax.jit(jax.vmap(function))(keys)
        looped = jax.tree.map(lambda *rows: jnp.stack(rows), *map(function, keys))
        for ours, theirs in zip(jax.tree.leaves(batch), jax.tree.leaves(looped), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert top(keys[0])[0].dtype == jnp.int32 and top(keys[0])[1].dtype == jnp.float32 == relaxed(keys[0]).dtype
    assert plackett_luce_log_prob(MU, jnp.array([0])).dtype == jnp.float32


KEY = jax.random.key(0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: gumbel_top_k(KEY, MU, 6), "k must be from 1 to n = 5, got 6"),
        (lambda: gumbel_top_k(KEY, MU, 0), "k must be from 1 to n = 5, got 0"),
        (lambda: gumbel_top_k(KEY, jnp.array([0.0, jnp.inf]), 1), "log_weights must be finite"),
        (lambda: plackett_luce_log_prob(MU, jnp.array([0, 0])), "order must hold distinct indices from 0 to 4"),
        (lambda: plackett_luce_log_prob(MU, jnp.array([0, 5])), "order must hold distinct indices from 0 to 4"),
        (lambda: plackett_luce_log_prob(MU, jnp.arange(6)), "order must hold 1 to n = 5 indices"),
        (lambda: plackett_luce_log_prob(jnp.array([jnp.nan, 0.0]), jnp.array([0])), "log_weights must be finite"),
        (lambda: gumbel_softmax(KEY, jnp.zeros(1), 1.0), "logits must hold at least 2 scores"),
        (lambda: gumbel_softmax(KEY, MU, 0.0), "temperature must be positive"),
        (lambda: gumbel_softmax(KEY, MU, jnp.array(-1.0)), "temperature must be positive"),
        (lambda: gumbel_softmax(KEY, MU, float("nan")), "temperature must be positive"),
        (lambda: gumbel_softmax(KEY, MU, 1.0, noise="pink"), "noise must be one of"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
