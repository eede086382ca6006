"""Paths of links, against a list of all of them."""

from collections import Counter

import numpy as np
import pytest

from kexue.entropy import count_paths, extract_templates, longest_paths


def all_paths(links):
    n = len(links)

    def onward(i):
        following = [j for j in range(n) if links[i][j]]
        return [[i, *rest] for j in following for rest in onward(j)] if following else [[i]]

    return {i: onward(i) for i in range(n) if not any(links[k][i] for k in range(n))}


@pytest.mark.parametrize("seed", range(6))
def test_paths_are_those_of_an_enumeration(seed):
    links = np.triu(np.random.default_rng(seed).random((9, 9)) < 0.1 * (seed + 1), 1)
    paths = all_paths(links.tolist())
    assert count_paths(links) == count_paths(links.tolist()) == sum(map(len, paths.values()))
    # Longest, and of these the smallest: its places come first.
    expected = [min(paths[i], key=lambda path: (-len(path), path)) for i in sorted(paths)]
    assert longest_paths(links) == expected


def test_a_full_window_grows_like_a_root():
    for window, root in ((2, 1.618034), (3, 1.839287), (5, 1.965948), (8, 1.996031)):
        counts = [count_paths(np.array([[0 < j - i <= window for j in range(n)] for i in range(n)])) for n in (39, 40)]
        assert counts[1] / counts[0] == pytest.approx(root, abs=1e-6)
    everything = np.triu(np.ones((100, 100), bool), 1)
    assert count_paths(everything) == 2**98


def test_templates_have_slots_where_words_are_left_out():
    linked = [("why", "is"), ("is", "red"), ("not", "is")]
    found = extract_templates(
        [["why", "a", "is", "b", "red"], ["why", "is", "c"], ["d", "not", "e", "is"], ["f"], []], linked, window=3
    )
    assert found == Counter(
        {("why", None, "is", None, "red"): 1, (None, "a", None): 1, (None, "b", None): 1, ("why", "is", None): 1}
        | {(None, "c"): 1, ("d", None): 1, (None, "not", None, "is"): 1, (None, "e", None): 1, ("f",): 1}
    )
    near = extract_templates([["why", "a", "is", "b", "red"]], linked, window=1)
    assert set(near) == {("why", None), (None, "a", None), (None, "is", None), (None, "b", None), (None, "red")}
    assert ("why", "is", None) not in extract_templates([["why", "is", "c"]], linked, window=3, min_gap=2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: count_paths(np.zeros((2, 3), bool)), "adjacency must be a non-empty square matrix"),
        (lambda: count_paths(np.zeros((2, 2))), "adjacency must hold truth values, got float64"),
        (lambda: longest_paths([[False, False], [True, False]]), "forwards only, got a link from 1 to 0"),
        (lambda: longest_paths([[True]]), "forwards only, got a link from 0 to 0"),
        (lambda: extract_templates([["a"]], [], 1, 2), "window must be at least min_gap"),
        (lambda: extract_templates([[]], [], 2), "sentences must hold at least one word"),
        (lambda: extract_templates(["ab"], [], 2), "sentences must be sequences of words, got the string 'ab'"),
    ],
)
def test_bad_input_gets_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
