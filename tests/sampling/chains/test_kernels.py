"""Kernels against closed forms, matrices, exact starts and blackjax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kexue.sampling import (
    Proposal,
    acceptance_probability,
    cycle,
    draw_index,
    gibbs,
    independent_metropolis,
    metropolis_hastings,
    move_proposal,
    random_walk,
    redraw_token,
    run_chains,
    site_moves,
    swap_moves,
)

WEIGHTS = np.array([1.0, 4.0, 2.0, 0.5, 3.0])


def many(kernel, start, chains, steps, seed=0, **options):
    """Independent chains from given starts; what they are after some steps."""
    keys = jax.random.split(jax.random.key(seed), chains)
    return run_chains(kernel, keys, start, steps, **options)


def frequencies_agree(states, probabilities):
    probabilities = np.asarray(probabilities, float)
    counts = np.bincount(np.asarray(states).ravel(), minlength=len(probabilities))
    return stats.chisquare(counts, counts.sum() * probabilities / probabilities.sum()).pvalue


@pytest.mark.parametrize("rule", ["metropolis", "barker"])
def test_a_law_that_the_chain_starts_in_is_kept(rule):
    """20,000 chains start exactly in the target; three steps later they must still be in it."""
    uphill = jnp.array([0.7, 0.3])  # proposes a step up more often than down, so the ratio of proposals matters

    def proposal(key, x):
        down = jax.random.bernoulli(key, 0.3).astype(jnp.int32)
        return Proposal((x + 1 - 2 * down) % 5, jnp.log(uphill[1 - down]) - jnp.log(uphill[down]))

    kernel = metropolis_hastings(lambda x: jnp.log(jnp.asarray(WEIGHTS, jnp.float32))[x], proposal, rule=rule)
    start = np.random.default_rng(0).choice(5, 20_000, p=WEIGHTS / WEIGHTS.sum()).astype(np.int32)
    states, _, acceptance = many(kernel, start, 20_000, 3)
    assert frequencies_agree(states.position, WEIGHTS) > 1e-3

    x, y = np.arange(5)[:, None], (np.arange(5)[:, None] + [1, -1]) % 5
    q = np.array([0.7, 0.3])
    ratio = WEIGHTS[y] * q[::-1] / (WEIGHTS[x] * q)
    accept = np.minimum(1, ratio) if rule == "metropolis" else ratio / (1 + ratio)
    expected = (WEIGHTS / WEIGHTS.sum()) @ (accept @ q)
    np.testing.assert_allclose(acceptance.mean(), expected, atol=0.01)

    wrong = metropolis_hastings(
        lambda x: jnp.log(jnp.asarray(WEIGHTS, jnp.float32))[x], lambda k, x: proposal(k, x).position, symmetric=True
    )
    assert frequencies_agree(many(wrong, start, 20_000, 3)[0].position, WEIGHTS) < 1e-6


def test_acceptance_satisfies_its_functional_equation():
    log_ratio = jnp.linspace(-8.0, 8.0, 33)
    for rule in ("metropolis", "barker"):
        forward, back = acceptance_probability(log_ratio, rule), acceptance_probability(-log_ratio, rule)
        np.testing.assert_allclose(forward, np.exp(log_ratio) * back, rtol=1e-5)
        assert acceptance_probability(jnp.array(jnp.nan), rule) == 0
    np.testing.assert_array_less(acceptance_probability(log_ratio, "barker"), acceptance_probability(log_ratio))


@pytest.mark.parametrize("scale", [0.5, 2.4, 6.0])
def test_random_walk_on_a_normal_accepts_as_the_closed_form_says(scale):
    kernel = random_walk(lambda x: -(x**2) / 2, scale)
    start = np.random.default_rng(1).normal(size=4000).astype(np.float32)
    _, trace, acceptance = many(kernel, start, 4000, 25)
    np.testing.assert_allclose(acceptance.mean(), 2 / np.pi * np.arctan(2 / scale), atol=0.006)
    assert stats.kstest(np.asarray(trace[:, -1]), "norm").pvalue > 1e-3


def test_random_walk_scales_with_a_number_a_vector_and_a_matrix():
    covariance = np.array([[2.0, 0.9, 0.0], [0.9, 1.0, 0.2], [0.0, 0.2, 0.5]], np.float32)
    precision, factor = jnp.asarray(np.linalg.inv(covariance)), np.linalg.cholesky(covariance)
    log_density = lambda x: -x["b"] @ precision @ x["b"] / 2 - x["a"] ** 2 / 2  # noqa: E731
    whole = np.eye(4, dtype=np.float32)
    whole[1:, 1:] = factor
    rng = np.random.default_rng(2)
    start = {"a": rng.normal(size=5000), "b": rng.normal(size=(5000, 3)) @ factor.T}
    start = jax.tree.map(lambda leaf: np.float32(leaf), start)
    for scale in (0.8, np.array([0.5, 1.0, 0.8, 0.6], np.float32), jnp.asarray(1.2 * whole)):
        states, _, acceptance = many(random_walk(log_density, scale), start, 5000, 5)
        assert 0.2 < acceptance.mean() < 0.7
        together = np.concatenate([states.position["a"][:, None], states.position["b"]], axis=1)
        np.testing.assert_allclose(np.cov(together.T), whole @ whole.T, atol=0.15)
        assert states.position["b"].dtype == jnp.float32
    # The matrix acts from the left: the steps' covariance is L Lᵀ.
    flat = random_walk(lambda x: jnp.zeros(()), np.array([[1.0, 0.0], [2.0, 0.1]]))
    steps = many(flat, np.zeros((20_000, 2), np.float32), 20_000, 1)[0].position
    np.testing.assert_allclose(np.cov(np.asarray(steps).T), [[1, 2], [2, 4.01]], atol=0.1)


def test_independent_metropolis_on_a_skewed_target():
    log_density = lambda x: jnp.where(x > 0, 2 * jnp.log(jnp.maximum(x, 1e-30)) - x, -jnp.inf)  # gamma(3)  # noqa: E731
    draw = lambda key: 5.0 * jax.random.exponential(key)  # noqa: E731
    kernel = independent_metropolis(log_density, draw, lambda x: -x / 5)
    _, trace, acceptance = many(kernel, np.full(4000, 0.1, np.float32), 4000, 40)
    assert stats.kstest(np.asarray(trace[:, -1]), stats.gamma(3).cdf).pvalue > 1e-3
    # The weight x² e^{-0.8 x} is largest at 2.5; every step accepts with at least E[w]/max w.
    assert acceptance.mean() > 2 / (5 * 2.5**2 * np.exp(-2.0))


def test_gibbs_keeps_a_correlated_normal_and_counts_as_accepted():
    draw = lambda key, x, i: x.at[i].set(0.9 * x[1 - i] + 0.19**0.5 * jax.random.normal(key))  # noqa: E731
    log_density = lambda x: -(x @ x - 1.8 * x[0] * x[1]) / 0.38  # noqa: E731
    for scan in ("systematic", "random"):
        kernel = gibbs(log_density, draw, np.arange(2), scan=scan)
        states, trace, acceptance = many(kernel, np.full((4000, 2), 3.0, np.float32), 4000, 60)
        np.testing.assert_allclose(np.cov(np.asarray(states.position).T), [[1, 0.9], [0.9, 1]], atol=0.08)
        np.testing.assert_allclose(states.log_density, jax.vmap(log_density)(states.position), rtol=1e-4)
        assert np.all(np.asarray(acceptance) == 1)


def test_gibbs_and_swaps_on_tokens_find_the_enumerated_law():
    rng = np.random.default_rng(3)
    table = jnp.asarray(rng.normal(size=(3, 3)), jnp.float32)
    log_density = lambda x: table[x[0], x[1]] + 2 * table[x[1], x[2]]  # noqa: E731
    logits = lambda x, i: jax.vmap(lambda w: log_density(x.at[i].set(w)))(jnp.arange(3))  # noqa: E731
    states = np.array(list(np.ndindex(3, 3, 3)), np.int32)
    law = np.exp(np.asarray(jax.vmap(log_density)(jnp.asarray(states)), float))
    kernels = [
        gibbs(log_density, redraw_token(logits), np.arange(3)),
        cycle(
            gibbs(log_density, redraw_token(logits), np.arange(3), scan="random"),
            metropolis_hastings(log_density, move_proposal(swap_moves(3))),
        ),
        metropolis_hastings(log_density, move_proposal(site_moves(logits, 3))),
    ]
    start = states[np.random.default_rng(4).choice(27, 8000, p=law / law.sum())]
    for kernel, name in zip(kernels, ("sweep", "cycle", "site"), strict=True):
        end, _, acceptance = many(kernel, start, 8000, 3)
        assert frequencies_agree(np.asarray(end.position) @ [9, 3, 1], law) > 1e-3, name
        assert np.mean(np.any(np.asarray(end.position) != start, axis=1)) > 0.1, name
        if name == "site":  # proposing from the conditional law is never refused
            np.testing.assert_allclose(acceptance, 1)
        if name == "cycle":
            assert acceptance.shape == (8000, 2) and 0.2 < acceptance[:, 1].mean() < 0.95


def test_draw_index_has_the_right_frequencies_and_never_the_impossible():
    for size in (1, 7, 50):
        logits = np.random.default_rng(size).normal(size=size).astype(np.float32) * 2
        logits[1::3] = -np.inf
        keys = jax.random.split(jax.random.key(size), 40_000)
        draws = jax.jit(jax.vmap(draw_index, (0, None)))(keys, jnp.asarray(logits))
        possible = np.isfinite(logits)
        assert np.all(possible[np.asarray(draws)])
        if possible.sum() > 1:
            counts = np.bincount(draws, minlength=size)[possible]
            chance = np.exp(logits[possible].astype(float))
            assert stats.chisquare(counts, 40_000 * chance / chance.sum()).pvalue > 1e-3


def test_blackjax_runs_our_kernels_and_we_run_its():
    blackjax = pytest.importorskip("blackjax")  # it needs a newer JAX than the library does
    log_density = lambda x: -jnp.sum(x**2) / 2  # noqa: E731
    kernel = random_walk(log_density, 1.5)
    run = blackjax.util.run_inference_algorithm
    final, (states, infos) = run(jax.random.key(0), kernel, 2000, initial_position=jnp.zeros(2))
    assert states.position.shape == (2000, 2) and infos.is_accepted.shape == (2000,)
    ours = many(kernel, np.zeros((16, 2), np.float32), 16, 1000)[2].mean()
    np.testing.assert_allclose(infos.is_accepted.mean(), ours, atol=0.05)
    for algorithm in (
        blackjax.normal_random_walk(log_density, jnp.full(2, 1.5)),
        blackjax.hmc(log_density, 0.8, jnp.ones(2), 3),
    ):
        with jax.numpy_dtype_promotion("standard"):
            _, trace, acceptance = many(algorithm, np.zeros((64, 2), np.float32), 64, 600, thin=2)
        assert trace.shape == (64, 300, 2) and acceptance.shape == (64,)
        np.testing.assert_allclose(np.asarray(trace[:, 50:]).std(), 1, atol=0.05)


def test_jit_equals_eager_and_dtypes_are_kept():
    log_density = lambda x: -x @ x / 2  # noqa: E731
    redraw = lambda k, x, i: x.at[i].set(jax.random.normal(k, dtype=x.dtype))  # noqa: E731
    for kernel in (random_walk(log_density, 1.0), gibbs(log_density, redraw, [0, 1])):
        state = kernel.init(jnp.array([0.3, -0.4]))
        eager = kernel.step(jax.random.key(1), state)
        batch = jax.jit(jax.vmap(kernel.step, (0, None)))(jax.random.split(jax.random.key(1), 2)[:1], state)
        jitted = jax.jit(kernel.step)(jax.random.key(1), state)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), eager, jitted)
        assert batch[0].position.shape == (1, 2) and eager[0].position.dtype == jnp.float32
        with jax.enable_x64(True):
            wide = jax.eval_shape(kernel.step, jax.random.key(1), kernel.init(jnp.array([0.3, -0.4])))[0]
            assert wide.position.dtype == jnp.float64 == wide.log_density.dtype


def test_start_where_the_target_is_zero_or_nan():
    for value in (-np.inf, np.nan):
        kernel = random_walk(lambda x, v=value: x * 0 + v, 1.0)
        with pytest.raises(ValueError, match=f"log_density must be a number above -inf at the start, got {value}"):
            kernel.init(jnp.array(0.0))
    with pytest.raises(ValueError, match=r"must return one floating-point number, got float32\(3,\)"):
        random_walk(lambda x: x, 1.0).init(jnp.zeros(3))


def test_proposals_that_leave_the_space():
    flat = lambda x: jnp.zeros(())  # noqa: E731
    for bad, found in (
        (lambda k, x: x.astype(jnp.int32), r"int32\[2\]"),
        (lambda k, x: x[:1], r"float32\[1\]"),
        (lambda k, x: (x, x), r"\("),
    ):
        kernel = metropolis_hastings(flat, bad, symmetric=True)
        with pytest.raises(ValueError, match=r"same kind as the state, float32\[2\]; got .*" + found):
            kernel.step(jax.random.key(0), kernel.init(jnp.zeros(2)))
    kernel = metropolis_hastings(flat, lambda k, x: x / 0, symmetric=True)
    state, info = kernel.step(jax.random.key(0), kernel.init(jnp.ones(2)))
    assert not info.is_accepted and jnp.isnan(info.log_ratio) and jnp.all(state.position == 1)
    kernel = gibbs(flat, lambda k, x, i: x[:1], [0])
    with pytest.raises(ValueError, match="same kind as the state"):
        kernel.step(jax.random.key(0), kernel.init(jnp.ones(2)))


def test_other_refusals():
    flat = lambda x: jnp.zeros(())  # noqa: E731
    kernel = metropolis_hastings(flat, lambda k, x: x + 1)
    with pytest.raises(ValueError, match="symmetric=True is passed; it returned .*without a log-ratio"):
        kernel.step(jax.random.key(0), kernel.init(jnp.ones(2)))
    for scale in (0.0, -1.0, np.nan, np.array([1.0, 0.0]), jnp.array([-1.0])):
        with pytest.raises(ValueError, match="scale must be positive and finite, got"):
            random_walk(flat, scale)
    with pytest.raises(ValueError, match="scale must be a matrix of finite numbers"):
        random_walk(flat, np.full((2, 2), np.inf))
    kernel = random_walk(flat, np.ones(3))
    with pytest.raises(ValueError, match=r"a vector of 2 or a square matrix of that size, got shape \(3,\)"):
        kernel.step(jax.random.key(0), kernel.init(jnp.ones(2)))
    kernel = random_walk(flat, 1.0)
    with pytest.raises(ValueError, match="must be floating-point numbers, got int32"):
        kernel.step(jax.random.key(0), kernel.init(jnp.ones(2, jnp.int32)))
    with pytest.raises(ValueError, match="rule must be 'metropolis' or 'barker', got 'glauber'"):
        random_walk(flat, 1.0, rule="glauber")
    with pytest.raises(ValueError, match="scan must be 'systematic' or 'random', got 'both'"):
        gibbs(flat, lambda k, x, i: x, [0], scan="both")
    with pytest.raises(ValueError, match=r"blocks must have at least one row, got shape \(0,\)"):
        gibbs(flat, lambda k, x, i: x, [])
    with pytest.raises(ValueError, match="at least one kernel"):
        cycle()
    with pytest.raises(ValueError, match="length must be at least 2, got 1"):
        swap_moves(1)
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        site_moves(lambda x, i: jnp.zeros(2), 0)
    with pytest.raises(ValueError, match=r"vector with at least one entry, got shape \(0,\)"):
        draw_index(jax.random.key(0), jnp.zeros(0))
