"""Merging, against the same in plain Python on lists of strings, and every cost against a recount."""

from collections import Counter
from itertools import pairwise
from math import log2

import jax
import numpy as np
import pytest

from kexue.entropy import (
    cost_per_letter,
    greedy_merge,
    merge_gain,
    merge_gain_equal,
    pair_counts,
    two_part_code,
    units_at,
)


def some_texts(seed, sentences=40):
    rng = np.random.default_rng(seed)
    words = ["the", "aaa", "dog", "bb", "b", "cat", "aab"]
    return ["".join(rng.choice(words, rng.integers(1, 9))) for _ in range(sentences)]


def join(sentence, a, b):
    """Left to right, without overlap."""
    done, i = [], 0
    while i < len(sentence):
        if i + 1 < len(sentence) and sentence[i] == a and sentence[i + 1] == b:
            done.append(a + b)
            i += 2
        else:
            done.append(sentence[i])
            i += 1
    return done


def text_bits(sentences):
    counts = Counter(unit for sentence in sentences for unit in sentence)
    total = sum(counts.values())
    return sum(n * log2(total / n) for n in counts.values())


def lexicon_bits(sentences, alphabet):
    return sum((len(unit) + 1) * log2(alphabet + 1) for unit in {unit for sentence in sentences for unit in sentence})


def slow_merge(texts, merges, score, batch):
    """Scores by recounting the text after each trial merge."""
    sentences, alphabet = [list(text) for text in texts], len(set("".join(texts)))
    order = sorted(set("".join(texts)))
    made = []
    while len(made) < merges:
        pairs = sorted(
            {pair for sentence in sentences for pair in pairwise(sentence)},
            key=lambda pair: (order.index(pair[0]), order.index(pair[1])),
        )
        scored = []
        for a, b in pairs:
            after = [join(sentence, a, b) for sentence in sentences]
            value = sum(map(len, sentences)) - sum(map(len, after))
            if score != "count":
                value = text_bits(sentences) - text_bits(after)
            if score == "description":
                value += lexicon_bits(sentences, alphabet) - lexicon_bits(after, alphabet)
            scored.append((round(value, 6), (a, b)))
        scored.sort(key=lambda item: -item[0])
        chosen, best = [], 0
        for value, (a, b) in scored:
            value -= score == "count"  # a pair that occurs once is of no use
            enough = value > 0 and value >= 0.8 * best
            if enough and len(chosen) < batch and not {a, b} & {unit for pair in chosen for unit in pair}:
                chosen.append((a, b))
                best = max(best, value)
        if not chosen:
            break
        for a, b in chosen[: merges - len(made)]:
            sentences = [join(sentence, a, b) for sentence in sentences]
            made.append((a, b))
            order.append(a + b)
    return sentences, made


@pytest.mark.parametrize("score", ["gain", "count", "description"])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_same_merges_as_plain_python(score, batch):
    texts = some_texts(batch)
    done = greedy_merge(texts, 12, score, batch=batch)
    sentences, made = slow_merge(texts, 12, score, batch)
    assert [(done.units[a], done.units[b]) for a, b in done.pairs] == made
    assert units_at(texts, done.ends(len(made))) == sentences


def test_costs_after_each_merge_are_those_of_a_recount():
    texts = some_texts(5)
    done = greedy_merge(texts, 30, "count", batch=2, price=0.5)
    letters, alphabet = len("".join(texts)), len(set("".join(texts)))
    for k in range(len(done.pairs) + 1):
        cut = units_at(texts, done.ends(k))
        expected = text_bits(cut) / letters, 0.5 * lexicon_bits(cut, alphabet) / letters
        assert (done.text[k], done.lexicon[k]) == pytest.approx(expected, abs=1e-12)
    units, counts = zip(*Counter(unit for sentence in cut for unit in sentence).items(), strict=True)
    lengths = [len(unit) for unit in units]
    assert float(cost_per_letter(counts, lengths)) == pytest.approx(done.text[-1], rel=1e-6)
    assert float(two_part_code(counts, lengths, alphabet, 0.5).total) == pytest.approx(done.total[-1], rel=1e-6)


@pytest.mark.parametrize("pair", [("a", "b"), ("a", "a"), ("t", "h")])
def test_a_merge_saves_its_gain_over_the_mean_length(pair):
    texts = some_texts(8)
    sentences = [list(text) for text in texts]
    after = [join(sentence, *pair) for sentence in sentences]
    n, letters = sum(map(len, sentences)), len("".join(texts))
    share = (n - sum(map(len, after))) / n
    a, b = (sum(sentence.count(unit) for sentence in sentences) / n for unit in pair)
    with jax.enable_x64(True):
        gain = float(merge_gain_equal(share, a) if pair[0] == pair[1] else merge_gain(share, a, b)) / np.log(2)
    assert gain * n / letters == pytest.approx((text_bits(sentences) - text_bits(after)) / letters, abs=1e-12)


def test_pairs_against_a_counter_and_equal_ones_without_overlap():
    rng = np.random.default_rng(3)
    ids = np.where(rng.random(500) < 0.1, -1, rng.integers(0, 4, 500))
    expected = Counter((int(a), int(b)) for a, b in pairwise(ids) if a >= 0 and b >= 0 and a != b)
    for unit in range(4):
        row = "".join("x" if i == unit else "." for i in ids)
        expected[unit, unit] = row.count("xx")
    pairs, counts = pair_counts(ids, 4)
    assert dict(zip(map(tuple, pairs.tolist()), counts.tolist(), strict=True)) == {
        k: v for k, v in expected.items() if v
    }


def test_words_merge_into_phrases_and_nothing_crosses_a_sentence():
    done = greedy_merge([["in", "the", "house"], ["in", "the", "garden"], ["the"], ["house"], ["the"]], 5, "count")
    assert done.units[-1] == "inthe" and done.uses.tolist() == [2]
    np.testing.assert_array_equal(done.joined_at, [1, 0, 0, 1, 0, 0, 0, 0, 0])
    none = greedy_merge(["ab"], 0)
    assert none.pairs.shape == (0, 2) and none.ends(0).all() and none.text.tolist() == [1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pair_counts(np.array([0, 3]), 3),
            r"ids must be units in \[0, 3\), or -1 between sentences, got 0 to 3",
        ),
        (lambda: pair_counts(np.array([0, -2]), 3), "got -2 to 0"),
        (lambda: pair_counts(np.array([-1]), 3), "at least one unit"),
        (lambda: pair_counts(np.array([0, 0]), 0), "size must be at least 1, got 0"),
        (lambda: greedy_merge([], 3), "texts must hold at least one unit"),
        (lambda: greedy_merge([["a", ""]], 3), "none without letters"),
        (lambda: greedy_merge(["ab"], 3, "bpe"), "score must be one of 'gain', 'count', 'description', got 'bpe'"),
        (lambda: greedy_merge(["ab"], -1), "merges must be at least 0, got -1"),
        (lambda: greedy_merge(["ab"], 1, batch=0), "batch must be at least 1, got 0"),
        (lambda: greedy_merge(["ab"], 1, price=-1.0), "price must be at least 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
