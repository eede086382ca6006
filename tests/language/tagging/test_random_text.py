"""Random sentences against the law that they are drawn from, and their tags against their words."""

from collections import Counter
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from kexue.language import bmes_tags, random_sentences, sentences_of, word_table

LEXICON = {"的": 4.5, "喜欢": 3, "图书馆": 2, "𠮷野家": 0.3, "abcd": 0.2}


@pytest.fixture(scope="module")
def text():
    return random_sentences(jax.random.key(3), word_table(LEXICON), 40_000, stop=0.2)


def test_words_come_by_frequency_and_sentences_end_by_chance(text):
    sentences = sentences_of(text)
    counts = Counter(word for words in sentences for word in words)
    assert set(counts) == set(LEXICON)
    p = np.array(list(LEXICON.values())) / sum(LEXICON.values())
    assert chisquare([counts[word] for word in LEXICON], p * counts.total()).pvalue > 1e-3
    lengths = np.array([len(words) for words in sentences])
    law = 0.2 * 0.8 ** np.arange(8)
    seen = np.bincount(np.minimum(lengths, 9), minlength=10)[1:]
    assert chisquare(seen, len(lengths) * np.append(law, 1 - law.sum())).pvalue > 1e-3
    pairs = Counter((a, b) for words in sentences for a, b in pairwise(words))
    expected = np.outer(p, p) * pairs.total()
    seen = np.array([[pairs[a, b] for b in LEXICON] for a in LEXICON])
    assert (np.abs(seen - expected) < 5 * np.sqrt(expected) + 1).all()


def test_letters_tags_and_gaps(text):
    letters, tags = np.asarray(text.letters), np.asarray(text.tags)
    assert letters.shape == tags.shape == (40_000,) and letters.dtype == tags.dtype == np.int32
    sentences = sentences_of(text)
    glued = "\0".join("".join(words) for words in sentences) + "\0"
    assert letters[: len(glued)].tolist() == [*map(ord, glued)]
    expected = [tag for words in sentences for tag in (*bmes_tags(words), -1)]
    assert tags[: len(glued)].tolist() == expected
    assert (tags[len(glued) :] == -1).all() and (letters[len(glued) :] > 0).all()  # the last sentence is not whole


def test_rare_words_are_drawn_as_often_as_they_should():
    words = {chr(0x4E00 + i): 2.0**-i for i in range(30)}  # the last has a probability of 1e-9
    edges = np.asarray(word_table(words).edges).astype(float)
    p = np.diff([0, *edges[:-1], 2**32]) / 2**32
    assert p == pytest.approx(np.array(list(words.values())) / sum(words.values()), abs=2**-32)
    whole = word_table({"a": 1})
    for size in (1, 2, 7):
        assert (
            np.asarray(random_sentences(jax.random.key(0), whole, size, stop=1.0).letters).tolist()
            == ([97, 0] * 4)[:size]
        )


def test_vmap_traced_stop_and_one_compilation():
    words, keys = word_table(LEXICON), jax.random.split(jax.random.key(0), 3)
    many = jax.vmap(lambda key, stop: random_sentences(key, words, 50, stop))(keys, jnp.array([0.1, 0.2, 0.9]))
    one = random_sentences(keys[2], words, 50, jnp.float32(0.9))
    assert (many.letters[2] == one.letters).all() and (many.tags[2] == one.tags).all()


@pytest.mark.parametrize("lexicon", [{}, {"": 1}, {"a": 0}, {"a": -1}, {"a": float("nan")}, {"a\0": 1}, {"a": "1"}])
def test_bad_lexicons(lexicon):
    with pytest.raises(ValueError, match="lexicon must hold"):
        word_table(lexicon)


def test_bad_numbers():
    words = word_table(LEXICON)
    for size, stop, message in ((0, 0.5, "size"), (5, 0.0, "stop"), (5, 1.5, "stop")):
        with pytest.raises(ValueError, match=f"{message} must be"):
            random_sentences(jax.random.key(0), words, size, stop)
