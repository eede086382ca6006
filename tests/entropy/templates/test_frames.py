"""Skip pairs and their scores, against a loop over all pairs of places."""

from collections import Counter
from math import log

import numpy as np
import pytest

from kexue.entropy import encode_clauses, frame_scores, merge_gain_approx, skip_pairs


def pairs_by_loop(ids, window, min_gap):
    found = Counter()
    for i, a in enumerate(ids):
        for j in range(i + 1, len(ids)):
            if a < 0 or ids[j] < 0:
                break
            if min_gap <= j - i <= window:
                found[a, ids[j]] += 1
    return found


@pytest.mark.parametrize(("window", "min_gap"), [(1, 1), (3, 1), (8, 2), (4, 4), (500, 1)])
def test_pairs_are_those_of_a_loop(window, min_gap):
    ids = np.random.default_rng(window).integers(-1, 12, 300)
    table = skip_pairs(ids, window, min_gap)
    expected = pairs_by_loop(ids.tolist(), window, min_gap)
    assert {(a, b): n for a, b, n in zip(*map(np.ndarray.tolist, table[:3]), strict=True)} == expected
    assert table.reverse.tolist() == [
        expected[b, a] for a, b in zip(table.first.tolist(), table.second.tolist(), strict=True)
    ]
    assert np.all(np.diff(table.first * 12 + table.second) > 0)


def test_large_numbers_and_every_kind_of_row():
    ids = [3_000_000, 7, -5, 70_000, 3_000_000]  # squares beyond 32 bits; any negative number ends a clause
    for row in (ids, np.array(ids), np.array(ids, np.int32)):
        table = skip_pairs(row, 2)
        assert table.first.tolist() == [70_000, 3_000_000] and table.second.tolist() == [3_000_000, 7]
        assert table.counts.tolist() == [1, 1] and table.reverse.tolist() == [0, 0]
    assert skip_pairs(np.array([5, 9], np.uint8), 3).second.tolist() == [9]


def test_clauses_too_short_leave_an_empty_table():
    table = skip_pairs([3, -1, 4], 5)
    assert all(len(column) == 0 for column in table)
    assert len(frame_scores(table, [0, 0, 0, 1, 1])) == 0


def test_scores_are_their_formulas():
    ids = np.random.default_rng(3).integers(-1, 6, 400)
    table, words = skip_pairs(ids, 4, 2), np.bincount(ids[ids >= 0])
    gain, pmi, count = (frame_scores(table, words.tolist(), kind) for kind in ("gain", "pmi", "count"))
    total, tokens = sum(pairs_by_loop(ids.tolist(), 4, 2).values()), int((ids >= 0).sum())
    for k, (a, b, n, back) in enumerate(zip(*map(np.ndarray.tolist, table), strict=True)):
        information = log((n / total) / (words[a] / tokens * words[b] / tokens))
        assert pmi[k] == pytest.approx(information, abs=1e-12) and count[k] == n
        shares = n / total, words[a] / tokens, words[b] / tokens
        assert gain[k] == pytest.approx(float(merge_gain_approx(*map(float, shares))), abs=1e-6)
        one_way = frame_scores(table, words, "count", direction=1.2)[k]
        assert one_way == (n if n > 1.2 * back else -np.inf)


def test_independent_words_have_no_information_whatever_the_window():
    ids = np.random.default_rng(0).integers(0, 5, 40_000)
    for window, min_gap in ((1, 1), (8, 2)):
        table = skip_pairs(ids, window, min_gap)
        assert np.abs(frame_scores(table, np.bincount(ids), "pmi")).max() < 0.1


def test_a_corpus_is_encoded_by_frequency():
    clauses = [["b", "a", "b"], [], ("c", "a"), ["b"]]
    ids, words, counts = encode_clauses(clauses)
    assert words == ("b", "a", "c") and counts.tolist() == [3, 2, 1]
    assert [words[i] if i >= 0 else "." for i in ids] == ["b", "a", "b", ".", "c", "a", ".", "b", "."]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: skip_pairs([1, 2], 2, 3), "window must be a whole number, at least min_gap = 3, got 2"),
        (lambda: skip_pairs([1, 2], 2, 0), "min_gap must be a whole number, at least 1, got 0"),
        (lambda: skip_pairs([1, 2], 2.5), "window must be a whole number"),
        (lambda: skip_pairs([], 2), "ids must hold at least one word, got none"),
        (lambda: skip_pairs([-1, -1], 2), "ids must hold at least one word, got none"),
        (lambda: skip_pairs(np.zeros((2, 2), int), 2), "ids must be one row of integers"),
        (lambda: skip_pairs([0.5, 1.0], 2), "ids must be one row of integers, got float64"),
        (lambda: encode_clauses([]), "clauses must hold at least one word"),
        (lambda: encode_clauses(["ab"]), "clauses must be sequences of words, got the string 'ab'"),
        (lambda: frame_scores(skip_pairs([0, 1], 1), [1, 1], "mi"), "kind must be 'gain', 'pmi' or 'count', got 'mi'"),
        (lambda: frame_scores(skip_pairs([0, 1], 1), [1]), "unigram_count must be positive .* word 1"),
        (lambda: frame_scores(skip_pairs([0, 1], 1), [0, 1]), "unigram_count must be positive .* word 0"),
        (lambda: frame_scores(skip_pairs([0, 1], 1), [0.5, 1.0]), "unigram_count must be one row of integers"),
        (lambda: frame_scores(skip_pairs([0, 1], 1), [1, 1], direction=-1), "direction must be at least 0, got -1"),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises(Exception, match=sentence) as caught:
        call()
    assert isinstance(caught.value, ValueError)
