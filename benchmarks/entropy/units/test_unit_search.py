"""Merging and of counting over all segmentations, beside plain Python and NumPy."""

from collections import Counter
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue import data
from kexue.entropy import candidate_units, expected_counts, greedy_merge, segment_lattice

TEXTS = ["".join(sentence) for sentence in data.python_topics()]
MERGES = 100


def ours_merge():
    return np.sort(greedy_merge(TEXTS, MERGES, "count").uses).astype(float)


def python_merge():
    """Byte-pair encoding as it is usually shown: count the pairs of all sentences, rewrite them, repeat."""
    sentences, uses = [list(text) for text in TEXTS], []
    for _ in range(MERGES):
        counts = Counter()
        for sentence in sentences:
            counts.update(pairwise(sentence))
        a, b = max(counts, key=counts.get)
        sentences, before = [joined(sentence, a, b) for sentence in sentences], sum(map(len, sentences))
        uses.append(before - sum(map(len, sentences)))
    return np.sort(np.array(uses, float))


def joined(sentence, a, b):
    done, i = [], 0
    while i < len(sentence):
        if sentence[i] == a and i + 1 < len(sentence) and sentence[i + 1] == b:
            done.append(a + b)
            i += 2
        else:
            done.append(sentence[i])
            i += 1
    return done


@pytest.mark.benchmark(group="byte-pair encoding, 100 merges in 161,632 letters")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(ours_merge, id="kexue.entropy.greedy_merge"),
        pytest.param(python_merge, id="plain Python"),
    ],
)
def test_merging(measure, way):
    measure(way, tolerance=0.02)


UNITS = candidate_units(TEXTS, 12, 3)
LATTICE = segment_lattice(TEXTS, UNITS)
OCCURRENCES = np.bincount(np.asarray(LATTICE.ids).ravel(), minlength=len(UNITS))[: len(UNITS)]
LOG_THETA = np.log(OCCURRENCES / OCCURRENCES.sum()).astype(np.float32)
OURS = jax.jit(expected_counts)


def ours_counts():
    return OURS(LATTICE, jnp.asarray(LOG_THETA))


def numpy_counts():
    """Forward and backward over all rows at once, by logarithms, in double precision."""
    ids = np.asarray(LATTICE.ids)
    rows, width, longest = ids.shape
    scores = np.append(LOG_THETA.astype(float), [-np.inf, 0.0])[ids]
    alpha, beta = (np.full((rows, longest + width + longest), -np.inf) for _ in range(2))
    alpha[:, longest] = beta[:, longest + width] = 0
    for t in range(longest, longest + width):
        alpha[:, t + 1] = np.logaddexp.reduce(
            alpha[:, t - longest + 1 : t + 1][:, ::-1] + scores[:, t - longest], axis=1
        )
    for t in range(longest + width - 1, longest - 1, -1):
        ahead = [beta[:, t + 1 + i] + scores[:, min(t + i - longest, width - 1), i] for i in range(longest)]
        beta[:, t] = np.logaddexp.reduce(ahead)
    counts = np.zeros(len(UNITS) + 2)
    for i in range(longest):
        start, end = longest - i, longest + 1
        uses = np.exp(
            alpha[:, start : start + width] + scores[:, :, i] + beta[:, end : end + width] - beta[:, [longest]]
        )
        counts += np.bincount(ids[:, :, i].ravel(), uses.ravel(), minlength=counts.size)
    return counts[: len(UNITS)]


@pytest.mark.benchmark(group="expected uses of 79,424 units over all segmentations of 161,632 letters")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(ours_counts, id="kexue.entropy.expected_counts"),
        pytest.param(numpy_counts, id="NumPy, float64"),
    ],
)
def test_expected_counts(measure, way):
    measure(way, tolerance=1e-3)
