"""Edits of sentences: every transition of the actual code enumerated, and the mistake of the forgotten factor."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from kexue.sampling import (
    detailed_balance_residual,
    edit_moves,
    every_edit,
    every_sentence,
    kernel_matrix,
    markov_score,
    metropolis_hastings,
    move_proposal,
    run_chains,
    sentence,
    site_moves,
    stationary_distribution,
    swap_moves,
)

LOGITS = jnp.array([0.0, 1.0, -0.7])


def around(x, i):
    """A proposal of words that looks at both neighbours and at the length."""
    left = jnp.where(i > 0, x.tokens[jnp.maximum(i - 1, 0)], 2)
    right = jnp.where(i + 1 < x.length, x.tokens[jnp.minimum(i + 1, x.tokens.size - 1)], 0)
    return LOGITS * (1 + left.astype(jnp.float32)) - 0.3 * right.astype(jnp.float32) * jnp.arange(3.0)


def rough(x):
    """A target without any symmetry."""
    places = jnp.arange(x.tokens.size)
    inside = places < x.length
    wave = jnp.sin(1.0 + places.astype(jnp.float32) * 2.3 + x.tokens.astype(jnp.float32) * 1.7)
    return jnp.sum(jnp.where(inside, wave, 0.0)) - 0.4 * x.length.astype(jnp.float32)


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (0.2, 0.5, 0.3), (1.0, 2.0, 0.0), (0.0, 0.0, 1.0)])
def test_the_sampler_is_reversible_state_by_state(weights):
    states = every_sentence(4, 3)
    matrix = kernel_matrix(rough, edit_moves(around, weights=weights), states, every_edit(4, 3))
    law = np.exp(np.asarray(jax.vmap(rough)(states), float))
    law /= law.sum()
    with jax.enable_x64(True):
        assert detailed_balance_residual(matrix, law) < 1e-8
        if weights[0] > 0:
            np.testing.assert_allclose(law @ matrix, law, atol=1e-8)
            np.testing.assert_allclose(stationary_distribution(matrix), law, rtol=1e-3)


def test_the_shortcut_is_the_ratio():
    moves, edits = edit_moves(around, weights=(0.2, 0.5, 0.3)), jnp.asarray(every_edit(5, 3))
    x = jax.tree.map(
        lambda *leaves: jnp.stack(leaves),
        *(sentence(t, 5, k) for t, k in (([1, 0, 2], [1]), ([2], ()), ([0, 1, 2, 1, 0], [0]))),
    )
    over = lambda f: jax.jit(jax.vmap(jax.vmap(f, (None, 0)), (0, None)))(x, edits)  # noqa: E731
    possible = np.asarray(over(moves.log_prob)) > -np.inf
    np.testing.assert_allclose(over(moves.shortcut)[possible], over(moves.log_ratio)[possible], atol=1e-5)
    assert possible.sum() > 40


def with_locks(free, locked, vocabulary):
    """All sentences of at most ``free`` free words around words that are kept in their order."""
    rows, kept = [], len(locked)
    for n in range(free + 1):
        for words in np.ndindex(*(vocabulary,) * n):
            for places in {tuple(sorted(p)) for p in np.ndindex(*(n + kept,) * kept) if len(set(p)) == kept}:
                line, rest = np.zeros(n + kept, int), iter(words)
                for i in range(n + kept):
                    line[i] = locked[places.index(i)] if i in places else next(rest)
                rows.append(sentence(line, free + kept, places))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *rows)


def test_forgotten_positions_bend_the_law_of_lengths_by_the_stated_factor():
    states = with_locks(3, [0, 1, 0], 2)
    moves = edit_moves(lambda x, i: jnp.zeros(2), shortest=3)
    log_density = lambda x: jnp.log(0.25) * (x.length - 3).astype(jnp.float32)  # noqa: E731
    edits = every_edit(6, 2)
    target = 0.25 ** (np.asarray(states.length) - 3)
    right = kernel_matrix(log_density, moves, states, edits)
    with jax.enable_x64(True):
        np.testing.assert_allclose(stationary_distribution(right), target / target.sum(), rtol=1e-5)

    def without_places(x, move):
        # log P(words back) - log P(words there): a new word out of two, of the kind and of the place nothing
        return jnp.log(2.0) * (jnp.where(move[0] == 0, 1.0, 0.0) - jnp.where(move[0] == 1, 1.0, 0.0))

    wrong = kernel_matrix(log_density, moves, states, edits, log_ratio=without_places)
    with jax.enable_x64(True):
        law = np.asarray(stationary_distribution(wrong))
    lengths = np.asarray(states.length) - 3
    found, wanted = (np.bincount(lengths, weights=w) for w in (law, target / target.sum()))
    factor = np.array([(n + 1) / (n + 4) for n in range(3)])  # (n + 1)/(n + 1 + K) with K = 3
    np.testing.assert_allclose(found[1:] / found[:-1], wanted[1:] / wanted[:-1] * factor, rtol=1e-4)


def test_draws_have_the_stated_probabilities():
    moves = edit_moves(around, weights=(0.3, 0.5, 0.2))
    edits = jnp.asarray(every_edit(4, 3))
    chances = jax.jit(jax.vmap(moves.log_prob, (None, 0)))
    draws = jax.jit(jax.vmap(moves.draw, (0, None)))
    for x in (sentence([1, 0, 2], 4, [1]), sentence([2], 4), sentence([0, 1, 2, 1], 4), sentence([1, 1], 4, [0, 1])):
        probability = np.exp(np.asarray(chances(x, edits)))
        np.testing.assert_allclose(probability.sum(), 1, rtol=1e-5)
        drawn = np.asarray(draws(jax.random.split(jax.random.key(3), 30_000), x))
        names = {tuple(edit): i for i, edit in enumerate(np.asarray(edits))}
        counts = np.bincount([names[tuple(row)] for row in drawn], minlength=len(edits))
        assert np.all(counts[probability == 0] == 0)
        possible = probability > 0
        chance = probability[possible].astype(float)
        assert stats.chisquare(counts[possible], 30_000 * chance / chance.sum()).pvalue > 1e-3


def test_edits_do_what_lists_do():
    x = sentence([5, 6, 7], 5, locked=[1])
    moves = edit_moves(lambda x, i: jnp.zeros(10))
    cases = {
        (0, 1, 9): [5, 9, 6, 7],
        (0, 3, 9): [5, 6, 7, 9],
        (0, 0, 9): [9, 5, 6, 7],
        (1, 0, 0): [6, 7],
        (1, 2, 0): [5, 6],
        (2, 2, 4): [5, 6, 4],
    }
    apply, reverse, log_prob = map(jax.jit, (moves.apply, moves.reverse, moves.log_prob))
    for move, words in cases.items():
        y = apply(x, jnp.array(move))
        assert y.tokens.tolist() == words + [0] * (5 - len(words)) and y.length == len(words)
        assert np.flatnonzero(y.locked).tolist() == [words.index(6)]
        back = apply(y, reverse(x, jnp.array(move)))
        jax.tree.map(np.testing.assert_array_equal, back, x)
    for impossible in ((1, 1, 0), (2, 1, 3), (1, 3, 0), (0, 4, 1), (0, 0, 10), (1, 0, 1)):
        assert log_prob(x, jnp.array(impossible)) == -jnp.inf


def test_a_chain_visits_the_enumerated_law_and_keeps_its_locks():
    kernel = metropolis_hastings(rough, move_proposal(edit_moves(around)))
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (8000, *leaf.shape)), sentence([2, 1], 4))
    end = run_chains(kernel, jax.random.split(jax.random.key(5), 8000), start, 12)[0]
    states = every_sentence(4, 3)
    matrix = kernel_matrix(rough, edit_moves(around), states, every_edit(4, 3))
    names = {tuple(row): i for i, row in enumerate(np.column_stack([states.tokens, states.length]).tolist())}
    counts = np.bincount(
        [names[tuple(r)] for r in np.column_stack([end.position.tokens, end.position.length]).tolist()], minlength=120
    )
    law = np.linalg.matrix_power(matrix, 12)[names[2, 1, 0, 0, 2]]  # not yet the target, but what twelve steps make
    seen = law > 1e-5
    assert stats.chisquare(counts[seen], counts[seen].sum() * law[seen] / law[seen].sum()).pvalue > 1e-3
    assert counts[~seen].sum() < 20

    start = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (8000, *leaf.shape)), sentence([2, 1, 0], 4, locked=[0, 2])
    )
    end = run_chains(kernel, jax.random.split(jax.random.key(6), 8000), start, 12)[0].position
    kept = {tuple(tokens[lock]) for tokens, lock in zip(np.asarray(end.tokens), np.asarray(end.locked), strict=True)}
    assert kept == {(2, 0)} and set(end.length.tolist()) == {2, 3, 4}


def test_markov_score_is_a_product_over_a_list():
    rng = np.random.default_rng(0)
    start, step, stop = (np.log(rng.dirichlet(np.ones(4), size)) for size in (None, 4, None))
    args = [jnp.asarray(a, jnp.float32) for a in (start, step, stop)]
    score = jax.jit(lambda x: markov_score(x, *args))
    for words in ([2], [1, 3], [0, 0, 3, 2, 1, 1]):
        by_hand = start[words[0]] + sum(step[v, w] for v, w in itertools.pairwise(words)) + stop[words[-1]]
        np.testing.assert_allclose(score(sentence(words, 6)), by_hand, rtol=1e-5)
    assert score(sentence([], 6)) == -jnp.inf


def test_enumeration_refuses_incomplete_or_wrong_descriptions():
    states, edits = every_sentence(3, 2), every_edit(3, 2)
    moves = edit_moves(lambda x, i: jnp.zeros(2))
    flat = lambda x: jnp.zeros(())  # noqa: E731
    with pytest.raises(ValueError, match="must sum to 1 in every state, got 0.*is a move missing"):
        kernel_matrix(flat, moves, states, edits[1:])
    shorter = jax.tree.map(lambda leaf: leaf[:-1], states)
    with pytest.raises(ValueError, match="a move leaves the states"):
        kernel_matrix(flat, moves, shorter, edits)
    twice = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf[:1]]), states)
    with pytest.raises(ValueError, match="states must all differ: 15 rows hold 14"):
        kernel_matrix(flat, moves, twice, edits)
    with pytest.raises(ValueError, match="reverse must lead back"):
        kernel_matrix(flat, moves._replace(reverse=lambda x, m: m), states, edits)


def test_refusals():
    words = lambda x, i: jnp.zeros(2)  # noqa: E731
    for weights in ((0.0, 0.0, 0.0), (1.0, -1.0, 1.0), (np.nan, 1.0, 1.0)):
        with pytest.raises(ValueError, match="three non-negative numbers, not all zero"):
            edit_moves(words, weights=weights)
    with pytest.raises(ValueError, match="both insertions and deletions or neither"):
        edit_moves(words, weights=(1.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="shortest must be at least 0, got -1"):
        edit_moves(words, shortest=-1)
    with pytest.raises(ValueError, match="3 of them into 2"):
        sentence([1, 2, 3], 2)
    with pytest.raises(ValueError, match=r"must not be negative, got \[1, -2\]"):
        sentence([1, -2], 2)
    with pytest.raises(ValueError, match=r"places in \[0, 2\), got \[2\]"):
        sentence([1, 2], 4, locked=[2])
    with pytest.raises(ValueError, match="vocabulary must be at least 1, got 0"):
        every_edit(3, 0)
    with pytest.raises(ValueError, match=r"shortest must be in \[0, 3\], got 4"):
        every_sentence(3, 2, shortest=4)
    with pytest.raises(ValueError, match="too many to list"):
        every_sentence(10, 10)


def test_swap_moves_enumerated():
    log_density = lambda x: jnp.sin(x.astype(jnp.float32) @ jnp.array([1.0, 2.0, 5.0]))  # noqa: E731
    cube = jnp.array(list(np.ndindex(3, 3, 3)), jnp.int32)
    pairs = jnp.array([[0, 1], [0, 2], [1, 2]])
    law = np.exp(np.asarray(jax.vmap(log_density)(cube), float))
    matrix = kernel_matrix(log_density, swap_moves(3), cube, pairs)
    with jax.enable_x64(True):
        assert detailed_balance_residual(matrix, law) < 1e-8
    draw = jax.jit(jax.vmap(lambda k: swap_moves(4).draw(k, jnp.zeros(4))))
    drawn = draw(jax.random.split(jax.random.key(0), 12_000))
    counts = np.unique(np.asarray(drawn), axis=0, return_counts=True)[1]
    assert counts.size == 6 and stats.chisquare(counts).pvalue > 1e-3


def test_gibbs_as_moves_is_metropolis_with_ratio_one():
    states = jnp.array(list(np.ndindex(3, 3)), jnp.int32)
    table = jnp.asarray(np.random.default_rng(1).normal(size=(3, 3)), jnp.float32)
    log_density = lambda x: table[x[0], x[1]]  # noqa: E731
    logits = lambda x, i: jax.vmap(lambda w: log_density(x.at[i].set(w)))(jnp.arange(3))  # noqa: E731
    every = jnp.array([(i, w) for i in range(2) for w in range(3)])
    matrix = kernel_matrix(log_density, site_moves(logits, 2), states, every)
    joint = np.exp(np.asarray(table, float))
    rows, columns = joint / joint.sum(1, keepdims=True), joint / joint.sum(0, keepdims=True)
    expected = np.zeros((9, 9))
    for a, b, c, d in np.ndindex(3, 3, 3, 3):
        expected[3 * a + b, 3 * c + d] = 0.5 * (a == c) * rows[a, d] + 0.5 * (b == d) * columns[c, b]
    np.testing.assert_allclose(matrix, expected, atol=1e-6)
