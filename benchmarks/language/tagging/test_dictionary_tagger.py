"""A tagger trained on a dictionary alone reads a megabyte of a newspaper, beside jieba and beside Viterbi."""

import logging
import re
from functools import cache

import jax
import numpy as np
import pytest

from kexue import data
from kexue.entropy import UnigramSegmenter, segmentation_scores
from kexue.language import NGramTagger, TaggerSegmenter, start_tagger, train_tagger, word_table

MEGABYTE, STEPS = 1_000_000, 8000
NO_COUNT = 3  # what the dictionary says where nobody counted


@cache
def gold():
    """The newspaper's first megabyte, whole lines."""
    lines, size = [], 0
    for line in data.peoples_daily("all"):
        words = [word for word, _ in line]
        size += sum(len(word.encode()) for word in words)
        if size > MEGABYTE:
            return lines
        lines.append(words)
    return lines


@cache
def counted():
    """The Chinese words of jieba's dictionary that were counted, and its single characters."""
    chinese = re.compile(r"[一-鿿]+")
    words = data.word_frequencies().items()
    return {w: c for w, c in words if chinese.fullmatch(w) and (c > NO_COUNT or len(w) == 1)}


@cache
def tagger():
    """About a minute and a half on one core."""
    state, words = start_tagger(NGramTagger(jax.random.key(0), rows=2**20)), word_table(counted())
    return TaggerSegmenter(train_tagger(state, words, jax.random.key(1), STEPS)[0].tagger).segment_all


@cache
def viterbi():
    read = UnigramSegmenter(counted()).segment_all
    return lambda lines: [in_one_piece(words) for words in read(lines)]


def in_one_piece(words):
    """Digits and Latin letters that stand side by side are one word, as the other readers have it."""
    found, is_open = [], False
    for word in words:
        is_run = word.isalnum() and not "一" <= word[0] <= "鿿"
        if is_run and is_open:
            found[-1] += word
        else:
            found.append(word)
        is_open = is_run
    return found


def jieba(hmm):
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    return lambda lines: [list(jieba.cut(line, HMM=hmm)) for line in lines]


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param(tagger, id="kexue.language.TaggerSegmenter"),
        pytest.param(viterbi, id="kexue.entropy.UnigramSegmenter, counted words"),
        pytest.param(lambda: jieba(True), id="jieba"),
        pytest.param(lambda: jieba(False), id="jieba, HMM=False"),
    ],
)
@pytest.mark.benchmark(group="1 MB of a newspaper, whole lines, from a dictionary alone (difference: of F1)")
def test_reading_a_newspaper(measure, benchmark, reader):
    read, lines = reader(), ["".join(words) for words in gold()]
    read(lines)
    f1 = segmentation_scores(gold(), read(lines)).f1
    benchmark.extra_info.update(f1=f1, characters=sum(map(len, lines)))
    if reader in (tagger, viterbi):
        assert f1 > 0.87
    measure(lambda: (read(lines), np.array([f1]))[1:], tolerance=0.2)
