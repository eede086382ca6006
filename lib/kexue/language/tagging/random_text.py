"""Nonsense whose words are known: drawn from a dictionary by frequency and glued together."""

from collections.abc import Mapping
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key, UInt32

from ..._check import at_least_one, require
from ..crf.tags import bmes_words

__all__ = ["GAP", "NO_TAG", "RandomText", "WordTable", "random_sentences", "sentences_of", "word_table"]

GAP = 0  # stands between two sentences, and is no character of any
NO_TAG = -1
B, M, E, S = range(4)


class WordTable(NamedTuple):
    """A dictionary as arrays, from which words can be drawn."""

    letters: Int[Array, "words longest"]
    """The code points of each word, and zeros after its end."""
    lengths: Int[Array, " words"]
    """Characters of each word."""
    edges: UInt32[Array, " words"]
    """A number below 2³² belongs to the first word whose edge lies above it, or to the last word."""


class RandomText(NamedTuple):
    """Sentences of a random text, one after another, with a gap after each."""

    letters: Int[Array, " size"]
    """Code points; 0 in the gaps."""
    tags: Int[Array, " size"]
    """0 B, 1 M, 2 E, 3 S; −1 in the gaps and in the last sentence, which may be cut off."""


def word_table(lexicon: Mapping[str, Any]) -> WordTable:
    """The words of a dictionary and their frequencies as arrays.

    Parameters
    ----------
    lexicon : mapping from word to count
        Positive and finite; need not be whole numbers.

    Returns
    -------
    WordTable
        In the order of the mapping. Probabilities are right to 2⁻³², 2.3e-10.

    Raises
    ------
    ValueError
        If there is no word, an empty one, one that holds the character U+0000, or a count that is not positive.

    Notes
    -----
    About 0.3 s for 350,000 words.

    Examples
    --------
    >>> table = word_table({"的": 3, "图书馆": 1})  # of; library
    >>> print(table.lengths, np.asarray(table.edges) / 2**32)
    [1 3] [0.75 1.  ]
    """
    words = list(lexicon)
    if not words:
        raise ValueError("lexicon must hold at least one word, got none")
    for word, count in lexicon.items():
        if not word or "\0" in word or not (isinstance(count, int | float | np.number) and 0 < count < np.inf):
            raise ValueError(f"lexicon must hold words with positive, finite counts, got {word!r} with {count!r}")
    lengths = np.fromiter(map(len, words), np.int32, len(words))
    letters = np.zeros((len(words), lengths.max()), np.int32)
    is_letter = np.arange(letters.shape[1]) < lengths[:, None]
    letters[is_letter] = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.int32)
    heights = np.cumsum(np.fromiter(lexicon.values(), np.float64, len(words)))
    edges = np.minimum(np.rint(heights / heights[-1] * 2.0**32), 2**32 - 1).astype(np.uint32)
    return WordTable(jnp.asarray(letters), jnp.asarray(lengths), jnp.asarray(edges))


def random_sentences(key: Key[Array, ""], words: WordTable, size: int, stop: float | Array = 1 / 8) -> RandomText:
    r"""Random sentences: words drawn independently by frequency, and after each word the sentence may end.

    .. math:: p(w_1\dots w_k)=s\,(1-s)^{k-1}\prod_{i=1}^kp(w_i)

    Parameters
    ----------
    key : jax.random.key
    words : WordTable
    size : int, at least 1
        Characters in all, gaps included.
    stop : float in (0, 1]
        :math:`s`, the probability that a sentence ends after a word. May be traced.

    Returns
    -------
    RandomText
        Sentences follow one another, so that nothing is filled up or thrown away, but for the last.

    Raises
    ------
    ValueError
        If ``size`` is below one or ``stop`` not in (0, 1].

    Notes
    -----
    About 0.3 µs a character with 350,000 words. Compiles once for a size; use ``vmap`` over keys for many texts.

    Examples
    --------
    >>> words = word_table({"的": 3, "喜欢": 2, "图书馆": 1})  # of; to like; library
    >>> text = random_sentences(jax.random.key(1), words, 20, stop=0.3)
    >>> print(sentences_of(text))
    [['喜欢', '的', '喜欢'], ['的'], ['的', '图书馆', '喜欢'], ['的']]
    """
    at_least_one("size", size)
    require("stop", stop, "in (0, 1]", lambda s: (s > 0) & (s <= 1))
    return _draw(key, words, stop, size)


@partial(jax.jit, static_argnames="size")
def _draw(key: Array, words: WordTable, stop: Any, size: int) -> RandomText:
    for_words, for_ends = jax.random.split(key)
    last = len(words.lengths) - 1
    drawn = jnp.searchsorted(words.edges, jax.random.bits(for_words, (size,)), side="right")
    drawn = jnp.minimum(drawn, last)  # the topmost number of all
    is_end = jax.random.bernoulli(for_ends, stop, (size,)).astype(jnp.int32)
    length = words.lengths[drawn]
    ends = jnp.cumsum(length + is_end)
    which = jnp.repeat(jnp.arange(size), length + is_end, total_repeat_length=size)
    place, length = jnp.arange(size) - (ends - length - is_end)[which], length[which]
    is_letter = place < length
    column = jnp.minimum(place, words.letters.shape[1] - 1)
    letters = jnp.where(is_letter, words.letters[drawn[which], column], GAP)
    within = jnp.where(place == 0, B, jnp.where(place == length - 1, E, M))
    tags = jnp.where(length == 1, S, within)
    is_whole = jnp.cumsum((letters == GAP)[::-1])[::-1] > 0
    return RandomText(letters, jnp.where(is_letter & is_whole, tags, NO_TAG))


def sentences_of(text: RandomText) -> list[list[str]]:
    """The whole sentences of a random text, each as its words.

    Parameters
    ----------
    text : RandomText
        A single one.

    Returns
    -------
    list of lists of str

    Raises
    ------
    ValueError
        If letters and tags are not as many.

    Examples
    --------
    >>> text = RandomText(jnp.array([*map(ord, "我来"), 0, 0x4F60]), jnp.array([3, 3, -1, -1]))  # I come; you …
    >>> print(sentences_of(text))
    [['我', '来']]
    """
    letters, tags = np.asarray(text.letters), np.asarray(text.tags)
    if letters.ndim != 1 or letters.shape != tags.shape:
        raise ValueError(f"text must be as many letters as tags, got shapes {letters.shape} and {tags.shape}")
    found = []
    for is_whole, group in groupby(zip(letters.tolist(), tags.tolist(), strict=True), key=lambda pair: pair[1] >= 0):
        if is_whole:
            sentence, of_it = zip(*group, strict=True)
            found.append(bmes_words("".join(map(chr, sentence)), of_it))
    return found
