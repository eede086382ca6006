"""Counts of n-grams against collections.Counter, and the ways from a gram to its place and back."""

from collections import Counter

import numpy as np
import pytest

from kexue.entropy import character_ids, ngram_counts

rng = np.random.default_rng(0)
TEXT = rng.choice(12, 3000, p=np.arange(1, 13) / 78).astype(np.int32) - 1  # 0 to 10, and separators
WIDE = np.where(rng.random(4000) < 0.5, rng.integers(0, 3, 4000), rng.integers(0, 2_000_000, 4000))


def counted(ids, n, min_count=1):
    grams = Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1) if min(ids[i : i + n]) >= 0)
    return {gram: count for gram, count in grams.items() if count >= min_count}


@pytest.mark.parametrize(
    "ids, order, min_count", [(TEXT, 5, 1), (TEXT, 4, 3), (WIDE, 5, 1), (WIDE, 4, 2), (TEXT, 20, 2)]
)
def test_counts_equal_counter(ids, order, min_count):
    grams = ngram_counts(ids, order, min_count=min_count)
    assert grams.order == order and grams.total == (ids >= 0).sum()
    for n in range(1, order + 1):
        expected = counted(ids.tolist(), n, min_count)
        symbols = grams.grams(n)
        assert symbols.tolist() == sorted(map(list, expected))
        assert dict(zip(map(tuple, symbols.tolist()), grams.counts(n).tolist(), strict=True)) == expected


def test_grams_are_found_and_located():
    grams = ngram_counts(TEXT, 4, min_count=3)
    for n in range(1, 5):
        symbols = grams.grams(n)
        np.testing.assert_array_equal(grams.find(symbols), np.arange(len(symbols)))
        assert (grams.find(np.full((1, n), 11)) == -1).all() and (grams.find(np.full((1, n), -1)) == -1).all()
        place, kept = grams.locate(TEXT, n), counted(TEXT.tolist(), n, 3)
        for i in range(0, len(TEXT), 7):
            gram = tuple(TEXT[i : i + n].tolist())
            assert (place[i] >= 0) == (gram in kept)
            assert place[i] < 0 or tuple(symbols[place[i]]) == gram
        if n > 1:
            np.testing.assert_array_equal(grams.grams(n - 1)[grams.prefixes(n)], symbols[:, :-1])
            np.testing.assert_array_equal(grams.grams(n - 1)[grams.suffixes(n)], symbols[:, 1:])


def test_another_text_is_located_in_the_counts_of_the_first():
    grams = ngram_counts([0, 1, 2, -1, 0, 1], 2, vocab_size=4)
    assert grams.locate([1, 2, 3, 0, 1], 2).tolist() == [1, -1, -1, 0, -1]


def test_characters_become_numbers():
    ids, alphabet = character_ids(["ba", "", "中a"])
    assert alphabet == "ab中" and ids.tolist() == [1, 0, -1, -1, 2, 0]
    assert character_ids(["xa"], "ab")[0].tolist() == [-1, 0]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ngram_counts([0, 1], 0), "order must be a whole number of at least 1, got 0"),
        (lambda: ngram_counts([0, 1], 2, min_count=0), "min_count must be a whole number of at least 1, got 0"),
        (lambda: ngram_counts([-1, -1], 2), "ids must hold at least one symbol"),
        (lambda: ngram_counts([], 2), "ids must hold at least one symbol"),
        (lambda: ngram_counts([0.0, 1.0], 2), "ids must be integers in one dimension"),
        (lambda: ngram_counts([0, -2], 2), r"ids must be in \[-1, 1\)"),
        (lambda: ngram_counts([0, 5], 2, vocab_size=5), r"ids must be in \[-1, 5\)"),
        (lambda: ngram_counts([0, 1], 2).counts(3), "n must be from 1 to the order, 2, got 3"),
        (lambda: ngram_counts([0, 1], 2).find([[0.5, 1.0]]), "grams must be integers"),
        (lambda: character_ids([]), "texts must hold at least one character"),
        (lambda: character_ids(["a\nb"]), "texts must hold no line feed"),
        (lambda: character_ids(["a"], "ba"), "alphabet must hold different characters in increasing order"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
