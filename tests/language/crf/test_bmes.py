"""Words as tags, there and back."""

import itertools

import numpy as np
import pytest

from kexue import data
from kexue.language import BMES, bmes_grammar, bmes_tags, bmes_words


def test_a_sequence_is_legal_if_and_only_if_it_is_that_of_some_words():
    legal, first, last = bmes_grammar()
    text, found = "abcde", 0
    for tags in itertools.product(range(4), repeat=len(text)):
        is_legal = first[tags[0]] and last[tags[-1]] and legal[tags[:-1], tags[1:]].all()
        words = bmes_words(text, tags)
        assert "".join(words) == text
        assert is_legal == (bmes_tags(words).tolist() == list(tags))
        found += is_legal
    assert found == 2 ** (len(text) - 1)


def test_the_newspaper_there_and_back():
    for words in data.clauses(data.peoples_daily("test"))[:500]:
        tags = bmes_tags(words)
        assert bmes_words("".join(words), tags) == words
        assert bmes_words("".join(words), np.append(tags, [-1, -1])) == words


def test_examples_by_hand():
    assert "".join(BMES[tag] for tag in bmes_tags(["今天", "天气", "不错", "啊", "哈哈哈哈"])) == "BEBEBESBMME"
    assert bmes_words("abcd", [0, 0, 2, 1]) == ["a", "bc", "d"]  # begin, begin, end, middle
    assert bmes_words("", []) == [] and bmes_tags([]).shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bmes_tags("words"), "words must be a sequence of words that are not empty, got 'words'"),
        (lambda: bmes_tags(["a", ""]), "not empty, got"),
        (lambda: bmes_words("abc", [3, 3]), r"tags must be one for each of the 3 characters, got shape \(2,\)"),
        (lambda: bmes_words("a", [3, 3]), "one for each of the 1 characters"),
        (lambda: bmes_words("ab", [3, 4]), r"tags must be 0, 1, 2 or 3, got \[3, 4\]"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
