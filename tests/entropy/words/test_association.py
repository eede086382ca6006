"""Mutual information, weakest seams and branching entropies against loops over a Counter, and cuts against both."""

from collections import Counter
from math import log

import numpy as np
import pytest

from kexue.entropy import (
    branching_entropy,
    character_ids,
    cut_outside,
    cut_text,
    multisplit_pmi,
    neighbours,
    ngram_counts,
    pmi,
    weak_seams,
)

TEXT = np.random.default_rng(1).choice(7, 600, p=[0.05, 0.3, 0.25, 0.2, 0.1, 0.06, 0.04]) - 1
COUNTS = {
    n: Counter(tuple(g) for i in range(len(TEXT) - n + 1) if min(g := TEXT[i : i + n].tolist()) >= 0)
    for n in range(1, 5)
}
TOTAL = COUNTS[1].total()


def information(whole, *parts):
    shares = log(COUNTS[len(whole)][whole] / TOTAL)
    return shares - sum(log(COUNTS[len(part)][part] / TOTAL) for part in parts)


def test_the_weakest_seam_is_the_least_of_all_splits():
    grams = ngram_counts(TEXT, 4)
    for n in (2, 3, 4):
        expected = [min(information(g, g[:j], g[j:]) for j in range(1, n)) for g in map(tuple, grams.grams(n).tolist())]
        np.testing.assert_allclose(multisplit_pmi(grams, n), expected, atol=1e-12)


def test_branching_entropies_count_the_end_of_a_sentence_as_one_neighbour():
    grams = ngram_counts(TEXT, 3)
    text = TEXT.tolist()
    for n in (1, 2):
        left, right = branching_entropy(grams, n)
        for i, gram in enumerate(grams.grams(n).tolist()):
            places = [k for k in range(len(text) - n + 1) if text[k : k + n] == gram]
            for found, shift in ((left[i], -1), (right[i], n)):
                at = [text[k + shift] if 0 <= k + shift < len(text) else -1 for k in places]
                p = np.array(list(Counter(at).values())) / len(at)
                assert found == pytest.approx(-(p * np.log(p)).sum(), abs=1e-12)


def test_rare_continuations_count_as_one():
    _, right = branching_entropy(ngram_counts([0, 1, 0, 1, 0, 2, 0, 3], 2, min_count=2), 1)
    assert right[0] == pytest.approx(log(2))  # 01 twice; 02 and 03 together twice


def test_pairs_are_cut_by_share_and_by_information():
    counts, nats = neighbours(TEXT)
    cut = weak_seams(TEXT, min_prob=0.02, min_pmi=0.1)
    for i, pair in enumerate(zip(TEXT.tolist(), TEXT[1:].tolist(), strict=False)):
        if min(pair) < 0:
            assert counts[i] == 0 and nats[i] == -np.inf and cut[i]
        else:
            expected = information(pair, pair[:1], pair[1:])
            assert counts[i] == COUNTS[2][pair] and nats[i] == pytest.approx(expected, abs=1e-12)
            assert cut[i] == (COUNTS[2][pair] < 0.02 * TOTAL or expected < 0.1)
    assert 0.1 < cut.mean() < 0.9


def test_what_an_accepted_gram_covers_is_not_cut():
    grams = ngram_counts(TEXT, 3)
    pairs, triples = grams.counts(2) > 25, grams.counts(3) > 8
    cut, expected = cut_outside(TEXT, grams, [pairs, triples]), np.ones(len(TEXT) - 1, bool)
    for n, holds in ((2, pairs), (3, triples)):
        good = {tuple(g) for g, ok in zip(grams.grams(n).tolist(), holds, strict=True) if ok}
        for i in range(len(TEXT) - n + 1):
            if tuple(TEXT[i : i + n].tolist()) in good:
                expected[i : i + n - 1] = False
    np.testing.assert_array_equal(cut, expected)


def test_pieces_are_the_text_between_cuts_and_separators():
    ids, alphabet = character_ids(["abcab", "", "ca"])
    pieces, counts = cut_text(ids, alphabet, np.isin(np.arange(len(ids) - 1), [1, 2, 4, 5, 6]))
    assert pieces == ["ab", "c", "ab", "ca"] and counts == {"ab": 2, "c": 1, "ca": 1}


def test_pmi_of_counts():
    np.testing.assert_allclose(pmi([4, 0], 8, [4, 5], 100), [log(4 * 100 / 32), -np.inf])
    large = 2_000_000_000
    assert pmi(large, large, large, 2 * large) == pytest.approx(log(2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: pmi([1.5], [2], [2], 10), "joint must hold whole numbers of at least 0"),
        (lambda: pmi([-1], [2], [2], 10), "joint must hold whole numbers of at least 0"),
        (lambda: pmi([3], [2], [4], 10), "joint must not exceed the counts of its parts"),
        (lambda: pmi([1], [20], [4], 10), "total must be one number, at least 1 and the count of any part"),
        (lambda: multisplit_pmi(ngram_counts(TEXT, 2), 3), "n must be from 2 to the order of the grams, 2, got 3"),
        (lambda: branching_entropy(ngram_counts(TEXT, 2), 2), "n must be from 1 to the order of the grams minus one"),
        (lambda: weak_seams(TEXT, min_prob=2, min_pmi=0), r"min_prob must be in \[0, 1\], got 2"),
        (lambda: weak_seams(TEXT, min_prob=0, min_pmi=float("nan")), "min_pmi must be a number"),
        (lambda: cut_outside(TEXT, ngram_counts(TEXT, 2), [[True]]), "accepted must say so for each of"),
        (lambda: cut_text([0, 1], "ab", [True, True]), "cut must have one entry less than ids, 1"),
        (lambda: cut_text([0, 2], "ab", [True]), "ids must be below the size of the alphabet, 2, got 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
