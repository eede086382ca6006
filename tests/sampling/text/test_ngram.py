"""The n-gram model against hand counts, a dictionary of counts written out, and figures known for the newspaper."""

from collections import Counter
from math import log

import jax
import numpy as np
import pytest

from kexue import data
from kexue.sampling.text.ngram import END, UNKNOWN, ngram_model

TOY = ["abab", "abb", "ca"]


def test_hand_counted_characters():
    # With line ends: abab| abb| ca| : a 4, b 4, c 1, | 3 of 12. After a: b 3, | 1. After b: a 1, b 1, | 2.
    model = ngram_model(TOY, "abc", order=2, discount=0.5)
    p = (np.array([0, 2.5, 3.5, 3.5, 0.5]) + 0.5 * 4 / 5) / 12  # unknown, end, a, b, c
    np.testing.assert_allclose(model.unigram, p)
    after_a = (np.array([0, 0.5, 0, 2.5, 0]) + 0.5 * 2 * p) / 4
    after_b = (np.array([0, 1.5, 0.5, 0.5, 0]) + 0.5 * 3 * p) / 4
    after_end = (np.array([0, 0, 1.5, 0, 0.5]) + 0.5 * 2 * p) / 3
    np.testing.assert_allclose(model.conditional(np.array([[2], [3], [END]])), [after_a, after_b, after_end])
    np.testing.assert_allclose(
        np.exp(model.log_probs(["ab", "", "a"])),
        [after_end[2], after_a[3], after_b[1], after_end[1], after_end[2], after_a[1]],
    )


def slow_model(lines, vocabulary, order, discount, across_lines):
    """Dictionaries and recursion, one symbol at a time."""
    end, unknown = "|", "?"
    pad = [end] * (order - 1)
    coded = [[w if w in vocabulary else unknown for w in line] + [end] for line in lines]
    texts = [pad + [w for line in coded for w in line]] if across_lines else [pad + line for line in coded]
    grams = [
        Counter(tuple(t[i - k + 1 : i + 1]) for t in texts for i in range(order - 1, len(t)))
        for k in range(1, order + 1)
    ]

    def p(word, history):
        if not history:
            V = len(vocabulary) + 2
            return (max(grams[0][(word,)] - discount, 0) + discount * len(grams[0]) / V) / grams[0].total()
        followers = {g: c for g, c in grams[len(history)].items() if g[:-1] == history}
        shorter = p(word, history[1:])
        if not followers:
            return shorter
        count = followers.get((*history, word), 0)
        return (max(count - discount, 0) + discount * len(followers) * shorter) / sum(followers.values())

    def score(new):
        coded = [[w if w in vocabulary else unknown for w in line] + [end] for line in new]
        texts = [pad + [w for line in coded for w in line]] if across_lines else [pad + line for line in coded]
        return [p(t[i], tuple(t[i - order + 1 : i])) for t in texts for i in range(order - 1, len(t))]

    return score


@pytest.mark.parametrize("across_lines", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_equals_dictionaries_and_recursion(order, across_lines):
    rng = np.random.default_rng(order)
    lines = [["".join(rng.choice(list("xyz"), 2)) for _ in range(rng.integers(0, 9))] for _ in range(30)]
    vocabulary = sorted({w for line in lines for w in line})[:7]
    held_out = [[*lines[3], "xx", "zz", "never", "xy"], [], lines[5], lines[4][::-1], ["never"] * 5]
    model = ngram_model(lines, vocabulary, order=order, discount=0.6, across_lines=across_lines)
    slow = slow_model(lines, vocabulary, order, 0.6, across_lines)(held_out)
    np.testing.assert_allclose(np.exp(model.log_probs(held_out)), slow, rtol=1e-12)
    np.testing.assert_allclose(model.cross_entropy(held_out), -np.log(slow).mean())


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_for_every_history_seen_or_not(order):
    model = ngram_model(TOY, "abcz", order=order, discount=0.75)  # z never occurs
    V = len(model.words)
    histories = (
        np.array(np.meshgrid(*[range(V)] * (order - 1))).reshape(order - 1, -1).T if order > 1 else np.zeros((3, 0))
    )
    P = model.conditional(histories.astype(int))
    np.testing.assert_allclose(P.sum(1), 1, rtol=1e-12)
    assert (P >= 0).all()


def test_scores_are_the_conditionals_and_long_histories_are_cut():
    model = ngram_model(TOY, "abc", order=3, discount=0.75)
    coded = [END, END, 2, 3, 3, UNKNOWN, END]
    P = model.conditional(np.array([coded[i - 2 : i] for i in range(2, 7)]))
    np.testing.assert_allclose(np.exp(model.log_probs(["abbx"])), P[range(5), coded[2:]])
    np.testing.assert_allclose(model.conditional(np.array([[4, 4, 4, 2, 3]])), model.conditional(np.array([[2, 3]])))
    np.testing.assert_allclose(
        model.conditional(np.array([[3]])), ngram_model(TOY, "abc", order=2, discount=0.75).conditional(np.array([[3]]))
    )


def test_generated_lines_have_the_models_frequencies():
    model = ngram_model(TOY, "abc", order=2, discount=0.5)
    lines = model.generate(jax.random.key(0), 4000, 12)
    assert lines == model.generate(jax.random.key(0), 4000, 12)
    assert max(map(len, lines)) == 12
    start = model.conditional(np.array([[END]]))[0]
    first = Counter(line[0] if line else "|" for line in lines)
    for symbol, name in ((END, "|"), (2, "a"), (4, "c")):
        assert abs(first[name] / 4000 - start[symbol]) < 4 * np.sqrt(start[symbol] / 4000)


@pytest.fixture(scope="module")
def newspaper():
    return data.peoples_daily("train"), data.peoples_daily("test")


def test_characters_of_the_newspaper_reproduce_the_reference_figures(newspaper):
    train, test = (["".join(word for word, _ in line) for line in part] for part in newspaper)
    model = ngram_model(train, 1998, order=5, discount=0.75, across_lines=True)
    for order, nats in enumerate((6.444, 4.655, 4.207, 4.184, 4.211), 1):
        shorter = type(model)(model.words, model.discount, True, model.unigram, model.orders[: order - 1])
        assert abs(shorter.cross_entropy(test) - nats) < 1e-3  # ties at the vocabulary's end are broken otherwise
    assert abs(ngram_model(train, 1998, order=3).cross_entropy(test) - 4.208) < 1e-3  # every line for itself


def test_words_of_the_newspaper_beat_their_frequencies(newspaper):
    train, test = ([[word for word, _ in line] for line in part] for part in newspaper)
    model = ngram_model(train, 20_000, order=3)
    uniform, frequencies = (
        log(len(model.words)),
        type(model)(model.words, 0.75, False, model.unigram, ()).cross_entropy(test),
    )
    assert model.cross_entropy(test) < frequencies - 1 < uniform - 2


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((TOY, 0), {}, "vocabulary must hold at least one word"),
        ((TOY, []), {}, "vocabulary must hold at least one word, and each word once, got 0"),
        ((TOY, ["a", "a"]), {}, "each word once, got 2"),
        (([], ["a"]), {}, "lines must hold at least one line"),
        ((TOY, "ab"), {"order": 0}, "order must be from 1 to 8, got 0"),
        ((TOY, "ab"), {"discount": 1.0}, r"discount must be in \(0, 1\), got 1.0"),
        ((TOY, "ab"), {"discount": float("nan")}, "discount must be"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        ngram_model(*arguments, **options)


def test_bad_input_to_a_model():
    model = ngram_model(TOY, "ab")
    with pytest.raises(ValueError, match=r"histories must hold symbols in \[0, 4\), got -1 to 4"):
        model.conditional(np.array([[4, -1]]))
    with pytest.raises(ValueError, match="at least one line"):
        model.log_probs([])
    for number, length in ((0, 5), (5, 0)):
        with pytest.raises(ValueError, match="must be at least 1, got 0"):
            model.generate(jax.random.key(0), number, length)
