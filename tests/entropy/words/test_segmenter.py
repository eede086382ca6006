"""The reading of least information against the enumeration of all, pruning against a slow loop, and scores by hand."""

from itertools import combinations, pairwise
from math import inf, log

import numpy as np
import pytest

from kexue.entropy import UnigramSegmenter, prune_redundant, segmentation_scores

rng = np.random.default_rng(2)
LEXICON = {"".join(rng.choice(list("abc"), rng.integers(1, 5))): int(rng.integers(1, 60)) for _ in range(18)}
LEXICON.pop("c", None)  # one character that only longer words hold


def readings(text):
    for k in range(len(text)):
        for cuts in combinations(range(1, len(text)), k):
            edges = [0, *cuts, len(text)]
            yield [text[a:b] for a, b in pairwise(edges)]


def cost(words, lexicon, unknown, total):
    counts = [lexicon.get(word, unknown if len(word) == 1 else 0) for word in words]
    return sum(log(total / count) if count else inf for count in counts)


@pytest.mark.parametrize("unknown", [0.01, 1.0, 30.0])
def test_readings_cost_least_of_all(unknown):
    total = sum(LEXICON.values())
    texts = ["".join(rng.choice(list("abcd"), rng.integers(0, 10), p=[0.35, 0.3, 0.25, 0.1])) for _ in range(60)]
    for text, words in zip(texts, UnigramSegmenter(LEXICON, unknown=unknown).segment_all(texts), strict=True):
        assert "".join(words) == text
        if text:
            best = min(cost(reading, LEXICON, unknown, total) for reading in readings(text))
            assert cost(words, LEXICON, unknown, total) == pytest.approx(best)


def test_batches_do_not_matter_and_words_end_with_their_text(monkeypatch):
    read = UnigramSegmenter(LEXICON)
    texts = ["".join(rng.choice(list("abc"), 30)) for _ in range(200)]
    at_once = read.segment_all(texts)
    assert at_once == [read.segment(text) for text in texts]
    monkeypatch.setattr("kexue.entropy.words.segmenter.BLOCK", 100)
    assert read.segment_all(texts) == at_once
    assert UnigramSegmenter({"ab": 9, "a": 1, "b": 1}).segment_all(["a", "b", "", "ab"]) == [["a"], ["b"], [], ["ab"]]
    assert read.segment_all([]) == [] and read.segment("") == []


def test_the_whole_of_unicode_and_a_larger_total():
    assert UnigramSegmenter({"𠮷野": 3}).segment("𠮷野𠮷x") == ["𠮷野", "𠮷", "x"]
    parts = {"a": 10, "b": 10, "ab": 2}  # 2/22 against (10/22)²; 2/100 against (10/100)²
    assert UnigramSegmenter(parts).segment("ab") == ["a", "b"]
    assert UnigramSegmenter(parts, total=100.0).segment("ab") == ["ab"]


def pruned_slowly(lexicon, threshold):
    """One word at a time, counts of dropped words passed on only when the next shorter length begins."""
    rest, kept = dict(lexicon), {}
    letters = len(set("".join(lexicon)))
    for length in range(max(map(len, lexicon)), 1, -1):
        words = {w: c for w, c in rest.items() if len(w) == length}
        shorter = {w: c for w, c in rest.items() if len(w) < length}
        total, gained = sum(kept.values()) + sum(rest.values()), []
        for word, count in words.items():
            del rest[word]
            parts = min(readings(word), key=lambda r: cost(r, shorter, 1.0, total) if len(r) > 1 else inf)
            if log(count / total) + cost(parts, shorter, 1.0, total) > threshold(length, count, letters):
                kept[word] = count
            else:
                gained += [(part, count) for part in parts]
        for part, count in gained:
            rest[part] = rest.get(part, 0) + count
    return kept | rest


@pytest.mark.parametrize(
    "rule, threshold",
    [("one", lambda n, c, V: 1), ("length", lambda n, c, V: n - 1), ("price", lambda n, c, V: (n + 1) * log(V) / c)],
)
def test_pruning_equals_the_slow_way(rule, threshold):
    lexicon = {"a": 50, "b": 40, "ab": 9, "ba": 30, "abb": 5, "bab": 3, "aab": 12, "abab": 6, "baab": 2, "abc": 4}
    found = prune_redundant(lexicon, rule)
    assert found == pruned_slowly(lexicon, threshold)
    assert sum(len(w) * c for w, c in found.items()) == sum(len(w) * c for w, c in lexicon.items())  # the same text
    assert found != lexicon and max(map(len, found)) > 1


def test_scores_by_hand():
    gold, found = [["ab", "c", "d"], ["e"]], [["a", "b", "c", "d"], ["e"]]
    scores = segmentation_scores(gold, found, known=["ab", "c"])
    assert scores.precision == 3 / 5 and scores.recall == 3 / 4 and scores.f1 == pytest.approx(2 / 3)
    assert scores.recall_in == 1 / 2 and scores.recall_out == 1
    same = segmentation_scores(gold, gold)
    assert same[:3] == (1, 1, 1) and np.isnan(same.recall_in) and np.isnan(same.recall_out)
    # A right boundary on one side only is no word.
    assert segmentation_scores([["ab", "cd"]], [["abc", "d"]]).f1 == 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: UnigramSegmenter({}), "lexicon must hold at least one word, got none"),
        (lambda: UnigramSegmenter({"": 1}), "lexicon must hold words with positive, finite counts, got ''"),
        (lambda: UnigramSegmenter({"a": 0}), "lexicon must hold words with positive, finite counts, got 'a' with 0"),
        (
            lambda: UnigramSegmenter({"a": "2"}),
            "lexicon must hold words with positive, finite counts, got 'a' with '2'",
        ),
        (lambda: UnigramSegmenter({"a": 1}, unknown=0.0), "unknown must be positive and finite"),
        (lambda: UnigramSegmenter({"a": 1}, total=inf), "total must be positive and finite"),
        (lambda: prune_redundant({}), "lexicon must hold at least one word, got none"),
        (lambda: prune_redundant({"a": 1.5}), "whole numbers of at least 1, got 'a' with 1.5"),
        (
            lambda: prune_redundant({"a": 1}, "two"),
            "rule='two' is not allowed: it must be one of 'one', 'length', 'price'",
        ),
        (lambda: segmentation_scores([["ab"]], [["ac"]]), "differs in text 0: 'ac'"),
        (lambda: segmentation_scores([["ab"]], []), "predicted must hold as many texts as gold, 1, got 0"),
        (lambda: segmentation_scores([[]], [[]]), "gold must hold at least one word"),
        (lambda: segmentation_scores([["a", ""]], [["a"]]), "every word must have at least one character"),
    ],
)
def test_bad_lexicons_and_texts_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_single_string_is_no_list_of_texts():
    with pytest.raises(TypeError, match="texts must be a list of strings"):
        UnigramSegmenter({"a": 1}).segment_all("aa")
