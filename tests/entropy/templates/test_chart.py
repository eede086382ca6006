"""The chart, against a list of all trees."""

from math import comb, exp, log

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.entropy import best_tree, bracket_f1, inside, span_probabilities, spans_of, template_em, template_grammar

WORDS = {"a": 4, "b": 3, "of": 2, "why": 1, "so": 2}
TEMPLATES = {
    (None, "of", None): 5,
    ("why", None, "so"): 2,
    (None, "so"): 1,
    ("a", "of", None): 3,
    ("why", "so"): 2,
    (None, "of", None, "of", "b"): 1,
}


def random_grammar(seed):
    """Every slot has its own probabilities, some of them zero."""
    grammar = template_grammar(TEMPLATES, WORDS).by_slot()
    rng = np.random.default_rng(seed)
    tables = [rng.dirichlet(np.ones(len(TEMPLATES) + len(WORDS)), 1 + len(grammar.contexts))]
    tables = tables[0] * (rng.random(tables[0].shape) > 0.1)
    with np.errstate(divide="ignore"):
        logs = np.log(tables)

    def fields(g):
        return (g.log_template, g.log_word)

    return eqx.tree_at(fields, grammar, tuple(map(jnp.asarray, np.split(logs, [len(TEMPLATES)], axis=1))))


def all_trees(grammar, tokens, i, j, context=0):
    """(log probability, spans, rules) of every tree, by recursion over templates and places to cut."""
    log_template, log_word = np.asarray(grammar.log_template), np.asarray(grammar.log_word)
    trees = [(float(log_word[context, tokens[i]]), [(i, j)], [(context, "word", tokens[i])])] if j == i + 1 else []
    first_slot = 0
    for t, template in enumerate(grammar.templates):
        slots = list(grammar.contexts[first_slot : first_slot + template.count(None)])
        first_slot += len(slots)
        for log_p, spans, rules in fillings(grammar, tokens, i, j, template, slots):
            total = log_p + float(log_template[context, t])
            trees.append((total, [(i, j), *spans], [(context, "template", t), *rules]))
    return [tree for tree in trees if tree[0] > -np.inf]


def fillings(grammar, tokens, i, j, template, slots):
    if not template:
        return [(0.0, [], [])] if i == j else []
    if template[0] is not None:
        is_next = i < j and grammar.words[tokens[i]] == template[0]
        return fillings(grammar, tokens, i + 1, j, template[1:], slots) if is_next else []
    ends = [j] if len(template) == 1 else range(i + 1, j)
    return [
        (left[0] + right[0], left[1] + right[1], left[2] + right[2])
        for k in ends
        if k > i
        for left in all_trees(grammar, tokens, i, k, slots[0])
        for right in fillings(grammar, tokens, k, j, template[1:], slots[1:])
    ]


SENTENCES = [
    "a",
    "why so",
    "a of b",
    "a of b of a",
    "a of b of b",
    "why a of b so",
    "a of a of b of b",
    "why a so of b so",
    "a so so",
    "b a",
    "of of of of of",
    "why why a of b so so",
]


@pytest.fixture(scope="module", params=[0, 1])
def case(request):
    with jax.enable_x64(True):
        grammar = random_grammar(request.param)
        tokens, lengths = grammar.encode([sentence.split() for sentence in SENTENCES])
        trees = [
            all_trees(grammar, row[:n].tolist(), 0, n)
            for row, n in zip(np.asarray(tokens), lengths.tolist(), strict=True)
        ]
        yield grammar, tokens, lengths, trees


def test_the_three_semirings_are_those_of_an_enumeration(case):
    grammar, tokens, lengths, trees = case
    run = {
        kind: np.asarray(jax.vmap(lambda t, n, kind=kind: inside(grammar, t, n, semiring=kind))(tokens, lengths))
        for kind in ("log", "max", "count")
    }
    for k, found in enumerate(trees):
        assert run["count"][k] == len(found), SENTENCES[k]
        if found:
            logs = np.array([tree[0] for tree in found])
            assert run["log"][k] == pytest.approx(np.logaddexp.reduce(logs), abs=1e-12)
            assert run["max"][k] == pytest.approx(logs.max(), abs=1e-12)
        else:
            assert run["log"][k] == run["max"][k] == -np.inf
    assert sum(map(bool, trees)) >= 8
    assert max(map(len, trees)) >= 4


def test_best_trees_and_probabilities_of_spans(case):
    grammar, tokens, lengths, trees = case
    best = jax.vmap(lambda t, n: best_tree(grammar, t, n))(tokens, lengths)
    shares = jax.vmap(lambda t, n: span_probabilities(grammar, t, n))(tokens, lengths)
    for k, found in enumerate(trees):
        n, expected = tokens.shape[1], np.zeros((tokens.shape[1] + 1,) * 2)
        if not found:
            assert best.score[k] == -np.inf
            assert not best.spans[k].any()
            assert not shares[k].any()
            continue
        top = max(found)
        np.testing.assert_array_equal(best.spans[k], spans_of(top[1], n))
        weights = np.exp([tree[0] for tree in found])
        for weight, (_, spans, _) in zip(weights / weights.sum(), found, strict=True):
            expected += weight * spans_of(spans, n)
        np.testing.assert_allclose(shares[k], expected, atol=1e-12)


@pytest.mark.parametrize("prior", [0.0, 0.7])
def test_a_round_of_em_is_that_of_enumerated_trees(case, prior):
    grammar, tokens, lengths, trees = case
    fit = template_em(grammar, tokens, lengths, rounds=2, prior=prior)
    assert fit.has_tree.tolist() == [bool(found) for found in trees]
    log_p = np.concatenate([grammar.log_template, grammar.log_word], axis=1)
    for turn in range(2):
        logs = [
            [sum(log_p[s, r if kind == "template" else r + 6] for s, kind, r in tree[2]) for tree in found]
            for found in trees
        ]
        sums = [np.logaddexp.reduce(each) for each in logs if each]
        assert fit.log_likelihood[turn] == pytest.approx(sum(sums), abs=1e-11)
        counts = np.zeros_like(log_p)
        for each, found in zip(logs, trees, strict=True):
            for value, tree in zip(each, found, strict=True):
                for s, kind, r in tree[2]:
                    counts[s, r if kind == "template" else r + 6] += exp(value - np.logaddexp.reduce(each))
        start = np.exp(np.concatenate([grammar.log_template, grammar.log_word], axis=1))
        with np.errstate(divide="ignore", invalid="ignore"):
            new = np.log((counts + prior * start) / (counts.sum(1, keepdims=True) + prior))
        log_p = np.where(counts.sum(1, keepdims=True) + prior > 0, new, np.log(np.where(start > 0, start, 1e-300)))
    fitted = np.concatenate([fit.grammar.log_template, fit.grammar.log_word], axis=1)
    np.testing.assert_allclose(np.exp(fitted), np.exp(log_p), atol=1e-11)


def test_without_a_prior_em_never_falls_and_probabilities_sum_to_one(case):
    grammar, tokens, lengths, _ = case
    fit = template_em(grammar, tokens, lengths, rounds=5, prior=0)
    assert np.all(np.diff(fit.log_likelihood) > -1e-10)
    assert fit.log_likelihood[-1] > fit.log_likelihood[0] + 1
    used = np.exp(fit.grammar.log_template[0]).sum() + np.exp(fit.grammar.log_word[0]).sum()
    assert used == pytest.approx(1, abs=1e-12)


def test_many_sentences_go_in_pieces_with_the_same_result(case):
    grammar, tokens, lengths, _ = case
    once = template_em(grammar, tokens, lengths, rounds=1)
    many = template_em(grammar, np.tile(tokens, (7, 1)), np.tile(lengths, 7), rounds=1, prior=7)
    assert many.log_likelihood[0] == pytest.approx(7 * float(once.log_likelihood[0]), rel=1e-12)
    np.testing.assert_allclose(many.grammar.log_word, once.grammar.log_word, atol=1e-11)
    assert len(many.has_tree) == 7 * len(lengths)


def test_the_number_of_trees_is_a_catalan_number_and_all_score_alike():
    with jax.enable_x64(True):
        grammar = template_grammar({(None, "of", None): 2}, {"a": 3, "of": 1})
        tokens = grammar.encode([(["a", "of"] * 16)[:-1]])[0][0]
        for m in (1, 2, 7, 15):
            catalan = comb(2 * m, m) // (m + 1)
            values = {
                kind: float(inside(grammar, tokens, 2 * m + 1, semiring=kind)) for kind in ("log", "max", "count")
            }
            assert values["count"] == catalan
            assert values["log"] - values["max"] == pytest.approx(log(catalan), abs=1e-12)
            assert values["max"] == pytest.approx(m * log(2 / 6) + (m + 1) * log(3 / 6), abs=1e-12)


def test_separate_slots_begin_with_the_same_distribution():
    tied = template_grammar(TEMPLATES, WORDS)
    tokens = tied.encode([["why", "a", "so", "of", "b", "so"]])[0][0]
    assert tied.by_slot().contexts == tuple(range(1, 8))
    for kind in ("log", "max", "count"):
        assert inside(tied, tokens, semiring=kind) == pytest.approx(
            float(inside(tied.by_slot(), tokens, semiring=kind))
        )


def test_padding_lengths_jit_and_single_precision(case):
    grammar, tokens, lengths, _ = case
    wide = jnp.pad(tokens, ((0, 0), (0, 3)), constant_values=-1)
    padded = jax.vmap(lambda t, n: inside(grammar, t, n))(wide, lengths)
    words = [[grammar.words[t] for t in row[:n]] for row, n in zip(np.asarray(tokens), lengths.tolist(), strict=True)]
    again, sizes = grammar.encode(words, wide.shape[1])
    assert again.shape == wide.shape
    np.testing.assert_array_equal(again, jnp.maximum(wide, 0))
    np.testing.assert_array_equal(sizes, lengths)
    each = [inside(grammar, row[:n]) for row, n in zip(np.asarray(tokens), lengths.tolist(), strict=True)]
    np.testing.assert_allclose(padded, each, atol=1e-12)
    single = jax.tree.map(lambda x: x.astype(jnp.float32), grammar)
    value = jax.jit(lambda t, n: inside(single, t, n))(tokens[5], lengths[5])
    assert value.dtype == jnp.float32
    assert value == pytest.approx(float(padded[5]), rel=1e-5)


def test_gradients_are_finite_where_nothing_is_possible():
    grammar = template_grammar(TEMPLATES, WORDS)
    tokens, length = grammar.encode([["b", "a"]])
    slope = jax.grad(lambda g: jnp.exp(inside(g, tokens[0], length[0])))(grammar)
    assert not slope.log_word.any() and not slope.log_template.any()


def test_a_bonus_is_added_for_every_chunk_with_the_span():
    grammar = template_grammar(TEMPLATES, WORDS)
    tokens = grammar.encode([["a", "of", "b", "of", "a"]])[0][0]
    bonus = jnp.zeros((6, 6)).at[2, 5].set(1.5)
    found = all_trees(grammar, np.asarray(tokens).tolist(), 0, 5)
    scores = [tree[0] + 1.5 * ((2, 5) in tree[1]) for tree in found]
    assert inside(grammar, tokens, span_bonus=bonus) == pytest.approx(np.logaddexp.reduce(scores), rel=1e-6)
    assert inside(grammar, tokens, span_bonus=bonus, semiring="max") == pytest.approx(max(scores), rel=1e-6)


def test_the_second_call_compiles_nothing(caplog):
    grammar = template_grammar(TEMPLATES, WORDS)
    tokens = grammar.encode([["a", "of", "b", "so"]])[0][0]
    calls = (inside, best_tree, span_probabilities)
    for call in calls:
        call(grammar, tokens, 3)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        for call in calls:
            call(template_grammar(TEMPLATES, WORDS), tokens, 4)
    assert not [record for record in caplog.records if "Finished XLA compilation" in record.message]


def test_brackets_are_compared_as_sets():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 7, 20)
    parses, truths = (
        [{(i, j) for i in range(n) for j in range(i + 1, n + 1) if rng.random() < 0.4} for n in lengths.tolist()]
        for _ in range(2)
    )

    def stack(sets):
        return np.stack([spans_of(list(spans), 6) for spans in sets])

    kept = [
        [
            {(k, i, j) for i, j in spans if j > i + 1 and (i, j) != (0, n)}
            for k, (spans, n) in enumerate(zip(sets, lengths, strict=True))
        ]
        for sets in (parses, truths)
    ]
    P, G = (set().union(*each) for each in kept)
    assert bracket_f1(stack(parses), stack(truths), lengths) == pytest.approx(2 * len(P & G) / (len(P) + len(G)))
    assert bracket_f1(stack(truths), stack(truths), lengths) == 1
    assert bracket_f1(spans_of([(0, 2)], 2), spans_of([], 2), 2) == 1


GRAMMAR = template_grammar({(None, "of", None): 1}, {"a": 1, "of": 1})
SPANS = np.zeros((2, 4, 4), bool)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: template_grammar({}, {"a": 1}), "templates and words must not be empty, got 0 and 1"),
        (lambda: template_grammar({("a", None): 1}, {}), "templates and words must not be empty"),
        (lambda: template_grammar({(): 1}, {"a": 1}), r"at least two symbols long, got \(\)"),
        (lambda: template_grammar({(None,): 1}, {"a": 1}), "at least two symbols long"),
        (lambda: template_grammar({("a", None, None): 1}, {"a": 1}), "must not have two slots side by side"),
        (lambda: template_grammar({("why", None): 1}, {"a": 1}), "words of the vocabulary, got 'why'"),
        (lambda: template_grammar({("a", None): 0}, {"a": 1}), "positive, finite counts, which"),
        (lambda: template_grammar({("a", None): 1}, {"a": float("inf")}), "finite counts, which 'a' has not"),
        (lambda: GRAMMAR.encode([["a", "b"]]), "must consist of the grammar's 2 words, got 'b'"),
        (lambda: GRAMMAR.encode([[]]), "at least one word each"),
        (lambda: GRAMMAR.encode(["a"]), "sequences of at least one word each"),
        (lambda: GRAMMAR.encode([]), "and at least one"),
        (lambda: GRAMMAR.encode([["a", "of"], ["a"]], 1), "size must be at least 2, the length of a sentence, got 1"),
        (lambda: inside(GRAMMAR, np.array([0, 2])), "tokens must be words of the grammar, 0 to 1, got 2"),
        (lambda: best_tree(GRAMMAR, np.array([0, -1])), "tokens must be words of the grammar, 0 to 1, got -1"),
        (lambda: inside(GRAMMAR, np.array([0, 1]), 3), "length must be from 1 to 2, got 3"),
        (lambda: inside(GRAMMAR, np.array([0, 1]), 0), "length must be from 1 to 2, got 0"),
        (lambda: inside(GRAMMAR, np.zeros((1, 2), int)), "tokens must be one row of integers"),
        (lambda: inside(GRAMMAR, np.zeros(0, int)), "tokens must be one row of integers"),
        (lambda: inside(GRAMMAR, np.array([0]), semiring="sum"), "semiring must be 'log', 'max' or 'count', got 'sum'"),
        (lambda: inside(GRAMMAR, np.array([0]), span_bonus=jnp.zeros((1, 1))), r"span_bonus must be \(2, 2\)"),
        (lambda: template_em(GRAMMAR, np.zeros((1, 2), int), np.array([3]), 1), "lengths must be from 1 to 2, got 3"),
        (lambda: template_em(GRAMMAR, np.full((1, 2), 5), np.array([2]), 1), "words of the grammar, 0 to 1, got 5"),
        (lambda: template_em(GRAMMAR, np.zeros((1, 2), int), np.array([2]), 0), "rounds must be at least 1, got 0"),
        (lambda: template_em(GRAMMAR, np.zeros((1, 2), int), np.array([2]), 1), "that the grammar can read, got none"),
        (lambda: template_em(GRAMMAR, np.zeros((1, 2), int), np.array([2]), 1, -1), "prior must be at least 0"),
        (lambda: template_em(GRAMMAR, np.zeros((0, 2), int), np.zeros(0, int), 1), "tokens must be integers"),
        (lambda: bracket_f1(SPANS, SPANS[:1], np.array([2, 2])), "predicted and gold must be"),
        (lambda: bracket_f1(SPANS, SPANS, np.array([2, 4])), "lengths must be from 1 to 3, got 2 to 4"),
        (lambda: spans_of([(2, 2)], 3), r"brackets must be 0 <= i < j <= 3, got \(2, 2\)"),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
