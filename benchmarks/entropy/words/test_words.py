"""n-grams of a newspaper and its division by a dictionary, beside a counter of strings, plain sorts, and jieba."""

import logging
from collections import Counter
from functools import cache

import numpy as np
import pytest

from kexue import data
from kexue.entropy import UnigramSegmenter, character_ids, ngram_counts, segmentation_scores

ORDER = 4
MEGABYTE = 1_000_000


@cache
def texts():
    return ["".join(word for word, _ in line) for line in data.peoples_daily("all")]


@cache
def characters():
    return character_ids(texts())


def numbers_of_grams(counts):
    """Kinds of grams and the largest count, for each length."""
    return np.array([[len(some), max(some)] for some in counts])


def kexue_counts():
    grams = ngram_counts(characters()[0], ORDER)
    return numbers_of_grams([grams.counts(n) for n in range(1, ORDER + 1)])


def counter_counts():
    found = []
    for n in range(1, ORDER + 1):
        grams = Counter()
        for text in texts():
            grams.update(text[i : i + n] for i in range(len(text) - n + 1))
        found.append(list(grams.values()))
    return numbers_of_grams(found)


def numpy_counts():
    ids, alphabet = characters()
    found = []
    for n in range(1, ORDER + 1):
        windows = np.lib.stride_tricks.sliding_window_view(ids, n)
        keys = windows[(windows >= 0).all(axis=1)].astype(np.int64) @ len(alphabet) ** np.arange(n)[::-1]
        found.append(np.unique(keys, return_counts=True)[1])
    return numbers_of_grams(found)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(kexue_counts, id="kexue.entropy.ngram_counts"),
        pytest.param(counter_counts, id="collections.Counter"),
        pytest.param(numpy_counts, id="NumPy, one sort a length"),
    ],
)
@pytest.mark.benchmark(group="n-grams up to 4 of the 1.8 million characters of a newspaper")
def test_ngrams(measure, count):
    measure(count, tolerance=0)


@cache
def gold():
    """Its first megabyte as lines of Chinese words, without what is not Chinese."""
    lines, size = [], 0
    for line in data.peoples_daily("all"):
        words = [word for word, tag in line if tag not in ("w", "m", "t", "nx")]
        size += sum(len(word.encode()) for word in words)
        if size > MEGABYTE:
            return lines
        lines.append(words)
    return lines


@cache
def read_by_kexue():
    return UnigramSegmenter(data.word_frequencies()).segment_all


@cache
def read_by_jieba():
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    return lambda lines: [list(jieba.cut(line, HMM=False)) for line in lines]


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param(read_by_kexue, id="kexue.entropy.UnigramSegmenter"),
        pytest.param(read_by_jieba, id="jieba, HMM=False"),
    ],
)
@pytest.mark.benchmark(group="Words of 1 MB of a newspaper by the dictionary of jieba")
def test_reading_with_a_dictionary(measure, reader):
    read, lines = reader(), ["".join(words) for words in gold()]
    read(lines[:10])
    measure(lambda: np.array(segmentation_scores(gold(), read(lines))[:3]), tolerance=1e-3)
