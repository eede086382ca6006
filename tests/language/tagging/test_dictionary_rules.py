"""The longest word, against a search over all divisions; recall on overlaps, against pairs of intervals."""

from itertools import accumulate

import numpy as np
import pytest

from kexue.language import crossed_recall, longest_match

rng = np.random.default_rng(4)
LEXICON = {"".join(rng.choice(list("abc"), rng.integers(2, 5))) for _ in range(14)} | {"a"}
TEXTS = ["".join(rng.choice(list("abcd"), 12)) for _ in range(40)]


def forward(text):
    if not text:
        return []
    fitting = [w for w in LEXICON if text.startswith(w)] + [text[0]]
    first = max(fitting, key=len)
    return [first, *forward(text[len(first) :])]


def test_longest_match_from_both_ends():
    mirrored = {word[::-1] for word in LEXICON}
    assert longest_match(TEXTS, LEXICON) == [forward(text) for text in TEXTS]
    backward = [[word[::-1] for word in words][::-1] for words in longest_match([t[::-1] for t in TEXTS], mirrored)]
    assert longest_match(TEXTS, LEXICON, reverse=True) == backward
    assert longest_match(["", "xy"], {"a": 1}) == [[], ["x", "y"]]
    assert longest_match(["结婚的和尚未结婚的"], {"结婚", "和尚", "尚未", "的"})[0][2:4] == ["和尚", "未"]


def spans(words):
    stops = list(accumulate(map(len, words)))
    return list(zip([0, *stops], stops, strict=False))


def test_crossed_words_against_all_pairs_of_intervals():
    gold = longest_match(TEXTS, LEXICON, reverse=True)
    found = longest_match(TEXTS, LEXICON)
    total = right = 0
    for text, words, others in zip(TEXTS, gold, found, strict=True):
        matches = [(i, j) for i in range(12) for j in range(i + 1, 13) if text[i:j] in LEXICON]
        for a, b in spans(words):
            if any(i < a < j < b or a < i < b < j for i, j in matches):
                total += 1
                right += (a, b) in spans(others)
    assert 5 < right < total
    assert crossed_recall(gold, found, LEXICON) == (pytest.approx(right / total), total)
    assert crossed_recall(gold, gold, LEXICON).recall == 1
    assert np.isnan(crossed_recall([["a"]], [["a"]], LEXICON).recall)


def test_bad_input():
    for lexicon in (set(), {""}):
        with pytest.raises(ValueError, match="lexicon must hold"):
            longest_match(["a"], lexicon)
        with pytest.raises(ValueError, match="lexicon must hold"):
            crossed_recall([["a"]], [["a"]], lexicon)
    with pytest.raises(TypeError, match="list of strings"):
        longest_match("a", LEXICON)
    with pytest.raises(ValueError, match="as many texts"):
        crossed_recall([["a"]], [], LEXICON)
    with pytest.raises(ValueError, match="differs in text 1"):
        crossed_recall([["a"], ["ab"]], [["a"], ["a"]], LEXICON)
