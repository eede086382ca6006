"""Scores of text under n-grams, and exact sentences: beside a loop in Python, and rejection."""

from collections import Counter, defaultdict
from functools import cache
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue import data
from kexue.sampling import bigram_model, constrained_lattice, ngram_model

ORDER, DISCOUNT = 4, 0.75


@cache
def text():
    return tuple(
        tuple("".join(word for word, _ in line) for line in data.peoples_daily(part)) for part in ("train", "test")
    )


@cache
def counted():
    return ngram_model(text()[0], 1_998, order=ORDER, discount=DISCOUNT)


@cache
def dictionaries():
    """The same counts as a reader of the formula would keep them."""
    model = counted()
    known = set(model.words[2:])
    counts, followers, totals = Counter(), defaultdict(int), Counter()
    for line in text()[0]:
        symbols = ["|"] * (ORDER - 1) + [c if c in known else "?" for c in line] + ["|"]
        for i in range(ORDER - 1, len(symbols)):
            for k in range(1, ORDER + 1):
                gram = tuple(symbols[i - k + 1 : i + 1])
                counts[gram] += 1
                totals[gram[:-1]] += 1
                followers[gram[:-1]] += counts[gram] == 1
    return known, counts, followers, totals


def loop():
    known, counts, followers, totals = dictionaries()
    scores = []
    for line in text()[1]:
        symbols = ["|"] * (ORDER - 1) + [c if c in known else "?" for c in line] + ["|"]
        for i in range(ORDER - 1, len(symbols)):
            p = 1 / (len(known) + 2)
            for k in range(1, ORDER + 1):
                gram = tuple(symbols[i - k + 1 : i + 1])
                total = totals[gram[:-1]]
                if total:
                    p = (max(counts[gram] - DISCOUNT, 0) + DISCOUNT * followers[gram[:-1]] * p) / total
            scores.append(log(p))
    return np.array(scores)


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("kexue", id="kexue.sampling.NGram.log_probs"),
        pytest.param("peer", id="Python loop over dictionaries"),
    ],
)
@pytest.mark.benchmark(group="Score 171,695 characters under 4-grams with back-off")
def test_ngram_scores(measure, way):
    measure((lambda: counted().log_probs(text()[1])) if way == "kexue" else loop, tolerance=1e-9)


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("kexue", id="kexue.sampling.constrained_lattice"),
        pytest.param("peer", id="rejection by ancestral sampling in NumPy"),
    ],
)
@pytest.mark.benchmark(group="100 sentences of 8 words that hold two keywords, 2,000 words")
def test_sentences(measure, way):
    model = bigram_model(data.clauses(data.peoples_daily("train")), 2_000)
    lattice = constrained_lattice(model, 8, keywords=("经济", "企业"))
    a, b = np.asarray(lattice.keywords)
    rng = np.random.default_rng(0)
    free = constrained_lattice(model, 8)
    table = np.cumsum(np.asarray(model.transition, float), axis=1)
    table /= table[:, -1:]
    flat, first = (table + np.arange(2_000)[:, None]).ravel(), np.cumsum(np.asarray(model.start, float))
    reach = np.exp(float(lattice.log_z - free.log_z))

    def reject():
        """Propose without the end, keep with the probability of ending and if both words are there."""
        kept = 0
        while kept < 100:
            u = rng.uniform(size=(9, 50_000))
            x = [np.searchsorted(first / first[-1], u[0], side="right")]
            for t in range(1, 8):
                x.append(np.searchsorted(flat, x[-1] + u[t], side="right") - 2_000 * x[-1])
            x = np.array(x)
            kept += ((x == a).any(0) & (x == b).any(0) & (u[8] < np.asarray(model.stop)[x[-1]])).sum()
        return np.array([reach])

    def exactly():
        drawn = lattice.sample(jax.random.key(0), 100)
        return jnp.array([reach]), drawn

    measure(exactly if way == "kexue" else reject, tolerance=1e-6)
