"""Skip pairs of a newspaper and charts of sentences, beside dictionaries and a recursion with memory in Python."""

from collections import Counter
from functools import cache
from math import inf, log

import jax
import numpy as np
import pytest

from kexue import data
from kexue.entropy import encode_clauses, inside, skip_pairs, template_grammar


@cache
def newspaper():
    return data.clauses(data.peoples_daily("all"))


@cache
def encoded():
    return encode_clauses(newspaper())


def counter():
    words = {word: i for i, word in enumerate(encoded().words)}
    found = Counter()
    for clause in newspaper():
        row = [words[word] for word in clause]
        for i, a in enumerate(row):
            for b in row[i + 2 : i + 9]:
                found[a, b] += 1
    return np.array([found[pair] for pair in sorted(found)])


@pytest.mark.parametrize(
    "way", [pytest.param("kexue", id="kexue.entropy.skip_pairs"), pytest.param("peer", id="collections.Counter")]
)
@pytest.mark.benchmark(group="Ordered pairs at a distance of 2 to 8 in a newspaper of 948,440 words")
def test_skip_pairs(measure, way):
    measure((lambda: skip_pairs(encoded().ids, 8, 2).counts) if way == "kexue" else counter, tolerance=0)


FRAMES = {
    (None, "of", None): 6.0,
    (None, "and", None): 4.0,
    ("why", None, "is", None): 3.0,
    ("what", "is", None): 3.0,
    (None, "more", None, "ma"): 2.0,
    ("from", None, "to", None): 1.0,
}
WORDS = {word: 1.0 for template in FRAMES for word in template if word} | {f"n{i}": 3.0 for i in range(60)}


@cache
def grammar():
    return template_grammar(FRAMES, WORDS)


@cache
def sentences():
    rng = np.random.default_rng(0)
    phrases = [
        [
            str(w)
            for pair in zip(rng.choice(60, 10), rng.choice(["of", "and"], 10), strict=True)
            for w in (f"n{pair[0]}", pair[1])
        ][:-1]
        for _ in range(64)
    ]
    return grammar().encode([["why", *phrase, "is", "n1"] for phrase in phrases])


def recursion():
    total = sum(FRAMES.values()) + sum(WORDS.values())
    rules = {template: log(count / total) for template, count in FRAMES.items()}
    singles = {word: log(count / total) for word, count in WORDS.items()}

    def add(a, b):
        low, high = sorted((a, b))
        return high if low == -inf else high + np.log1p(np.exp(low - high))

    def score(sentence):
        @cache
        def chunk(i, j):
            found = singles[sentence[i]] if j == i + 1 else -inf
            for template, weight in rules.items():
                found = add(found, weight + rest(template, i, j))
            return found

        @cache
        def rest(template, i, j):
            if not template or i >= j:
                return 0.0 if not template and i == j else -inf
            if template[0] is not None:
                return rest(template[1:], i + 1, j) if sentence[i] == template[0] else -inf
            if len(template) == 1:
                return chunk(i, j)
            found = -inf
            for k in range(i + 1, j):
                if (after := rest(template[1:], k, j)) > -inf:
                    found = add(found, chunk(i, k) + after)
            return found

        return chunk(0, len(sentence))

    words = grammar().words
    tokens, lengths = map(np.asarray, sentences())
    return np.array([score([words[t] for t in row[:n]]) for row, n in zip(tokens, lengths, strict=True)])


@cache
def chart():
    return jax.jit(jax.vmap(lambda tokens, length: inside(grammar(), tokens, length)))


@pytest.mark.parametrize(
    "way",
    [pytest.param("kexue", id="kexue.entropy.inside"), pytest.param("peer", id="recursion with memory in Python")],
)
@pytest.mark.benchmark(group="Log probability of 64 sentences of 22 words under a template grammar")
def test_inside(measure, way):
    measure((lambda: chart()(*sentences())) if way == "kexue" else recursion, tolerance=1e-5)
