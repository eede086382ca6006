"""Boundaries of units, against sets of spans in plain Python."""

import numpy as np
import pytest

from kexue.entropy import boundary_scores, letter_ids, units_at, word_ends


def random_cuts(rng, texts, rate):
    return [["".join(part) for part in parts(text, rng, rate)] for text in texts]


def parts(text, rng, rate):
    part = []
    for letter in text:
        part.append(letter)
        if rng.random() < rate:
            yield part
            part = []
    if part:
        yield part


def spans(sentences):
    """(sentence, first letter, one after the last) of each unit."""
    found = set()
    for s, sentence in enumerate(sentences):
        start = 0
        for unit in sentence:
            found.add((s, start, start + len(unit)))
            start += len(unit)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_sets_of_spans(seed):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("abc"), rng.integers(1, 12))) for _ in range(12)]
    true, found = random_cuts(rng, texts, 0.35), random_cuts(rng, texts, 0.5)
    a, b = spans(true), spans(found)
    inner = lambda spans: {(s, stop) for s, _, stop in spans if stop < len(texts[s])}  # noqa: E731
    cuts_a, cuts_b = inner(a), inner(b)
    expected = []
    for x, y in ((cuts_a, cuts_b), (a, b)):
        p, r = len(x & y) / len(y), len(x & y) / len(x)
        expected += [p, r, 2 * p * r / (p + r)]
    scores = boundary_scores(word_ends(true), word_ends(found), word_ends([texts]))
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_units_and_ends_are_inverse():
    rng = np.random.default_rng(7)
    texts = ["".join(rng.choice(list("xyz"), n)) for n in (5, 1, 9)]
    cut = random_cuts(rng, texts, 0.4)
    assert units_at(texts, word_ends(cut)) == cut
    assert units_at([*texts, ""], word_ends([texts])) == [*([t] for t in texts), []]
    assert units_at(texts, np.zeros(15, bool)) == [[text] for text in texts]


def test_letters_are_numbered_by_the_alphabet_of_any_script():
    ids, alphabet, ends = letter_ids(["语言", "", "言a𝛼"])
    assert alphabet == sorted("语言a𝛼") and [alphabet[i] for i in ids] == list("语言言a𝛼")
    np.testing.assert_array_equal(ends, [0, 1, 0, 0, 1])


def test_nothing_found_and_nothing_to_find():
    last = np.array([0, 0, 1], bool)
    scores = boundary_scores([0, 1, 1], last, last)
    assert np.isnan(scores.precision) and scores.recall == 0 == scores.f1 and scores.word_f1 == 0
    scores = boundary_scores(last, last, last)
    assert np.isnan(scores.f1) and scores.word_f1 == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: word_ends([]), "sentences must hold at least one word, got none"),
        (lambda: word_ends([[], []]), "sentences must hold at least one word, got none"),
        (lambda: word_ends([["a", ""]]), "at least one letter, got one of none"),
        (lambda: letter_ids([]), "texts must hold at least one character, got 0 texts"),
        (lambda: letter_ids("abc"), "texts must be a sequence of strings"),
        (lambda: units_at(["ab"], np.ones(3, bool)), r"one entry a letter, shape \(2,\), got \(3,\)"),
        (lambda: boundary_scores([1, 1], [1], [1]), r"one entry a letter, got \(2,\), \(1,\), \(1,\)"),
        (lambda: boundary_scores([], [], []), "must have one entry a letter"),
        (lambda: boundary_scores([1, 1], [1, 1], [1, 0]), "true at the last letter"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
