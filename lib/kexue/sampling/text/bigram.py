"""A bigram language model as a Markov chain with a start and an end: small enough to be known completely."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._check import require

__all__ = ["Bigram", "bigram_model", "index_of", "most_frequent"]


class Bigram(eqx.Module):
    r"""Sentences as a Markov chain: :math:`P(x)=P(x_1)\prod_tP(x_t\mid x_{t-1})\;P(\text{end}\mid x_n)`.

    A pytree whose leaves are the three arrays; the words are static. Every row of ``transition`` and the entry of
    ``stop`` beside it add up to one.
    """

    words: tuple[str, ...] = eqx.field(static=True)
    """The vocabulary: a token is an index into it."""
    start: Float[Array, " V"]
    """Probability of the first word; no sentence is empty."""
    transition: Float[Array, "V V"]
    """Row: the previous word. Column: the next."""
    stop: Float[Array, " V"]
    """Probability that the sentence ends after a word."""

    def log_prob(self, tokens: Int[Array, "*batch n"]) -> Float[Array, "*batch"]:
        """Log probability of sentences, the end of each included.

        Parameters
        ----------
        tokens : int (..., n), n ≥ 1
            All sentences of a batch have the same length.

        Returns
        -------
        float (...)
            −inf where a step is impossible.

        Raises
        ------
        ValueError
            If the sentences have no words.
        """
        if tokens.shape[-1] < 1:
            raise ValueError(f"tokens must hold at least one word a sentence, got shape {tokens.shape}")
        steps = jnp.log(self.transition[tokens[..., :-1], tokens[..., 1:]]).sum(-1)
        return jnp.log(self.start[tokens[..., 0]]) + steps + jnp.log(self.stop[tokens[..., -1]])

    def encode(self, words: Sequence[str]) -> Int[Array, " n"]:
        """The tokens of some words.

        Parameters
        ----------
        words : sequence of str
            One string is read as a sequence of one-character words.

        Returns
        -------
        int32 (n,)

        Raises
        ------
        ValueError
            Names the first word that the vocabulary does not hold: it may have to be segmented otherwise.

        Examples
        --------
        >>> print(bigram_model(["ab", "ab", "b"], 2).encode("ba"))  # the most frequent word has token 0
        [0 1]
        """
        return jnp.array(index_of(words, self.words), jnp.int32)

    def decode(self, tokens: Int[Array, " n"]) -> list[str]:
        """The words of some tokens, the inverse of :meth:`encode`."""
        return [self.words[int(token)] for token in np.asarray(tokens)]


def bigram_model(
    sentences: Iterable[Sequence[str]], vocabulary: int | Sequence[str], *, interpolation: float = 0.1
) -> Bigram:
    r"""Count a bigram model, softened by word frequencies, from the sentences that the vocabulary covers.

    .. math:: P(w\mid v)=(1-\lambda)\,\frac{c(v,w)}{c(v)}+\lambda\,p(w),\qquad p(w)=\frac{c(w)}{\sum_{w'}c(w')}

    where the end of a sentence counts as a word (and is left out for the first word). After a word that was never
    seen, only the second term is there.

    Parameters
    ----------
    sentences : iterable of sequences of words
        Sentences with a word outside the vocabulary, and empty ones, are left out.
    vocabulary : int or sequence of words
        How many of the most frequent words to take (ties by code point), or the words themselves.
    interpolation : float in [0, 1]
        :math:`\lambda`. With 0 only observed pairs are possible.

    Returns
    -------
    Bigram
        float32, from counts in float64.

    Raises
    ------
    ValueError
        If the vocabulary is empty or holds a word twice, if it covers no sentence, or if ``interpolation`` is out of
        range.

    Notes
    -----
    One pass over the sentences (two when the vocabulary has to be found); memory :math:`V^2`.

    Examples
    --------
    >>> model = bigram_model([["to", "be"], ["to", "see"], ["be"]], ["to", "be", "see"], interpolation=0.0)
    >>> print(model.start, model.transition[0], model.stop)
    [0.6666667  0.33333334 0.        ] [0.  0.5 0.5] [0. 1. 1.]
    """
    require("interpolation", interpolation, "in [0, 1]", lambda value: (value >= 0) & (value <= 1))
    sentences = list(sentences)
    words = most_frequent(sentences, vocabulary) if isinstance(vocabulary, int) else tuple(vocabulary)
    index = {word: i for i, word in enumerate(words)}
    if not words or len(index) < len(words):
        raise ValueError(f"vocabulary must hold at least one word, and each word once, got {len(words)} words")
    covered = [[index[word] for word in s] for s in sentences if len(s) and all(word in index for word in s)]
    if not covered:
        raise ValueError(f"vocabulary must cover at least one of the sentences, got {len(sentences)} sentences")

    V = len(words)  # V stands for the end of a sentence
    flat = np.concatenate([[V, *tokens] for tokens in covered] + [[V]])  # end word word end word end
    pairs = np.bincount(flat[:-1] * (V + 1) + flat[1:], minlength=(V + 1) ** 2).reshape(V + 1, V + 1).astype(float)
    frequency = pairs.sum(axis=0)
    row = pairs.sum(axis=1, keepdims=True)
    λ = np.where(row > 0, interpolation, 1.0)
    P = (1 - λ) * pairs / np.maximum(row, 1) + λ * frequency / frequency.sum()
    start = (1 - interpolation) * pairs[V, :V] / row[V] + interpolation * frequency[:V] / frequency[:V].sum()
    return Bigram(words, *(jnp.asarray(array, jnp.float32) for array in (start, P[:V, :V], P[:V, V])))


def most_frequent(sentences: Iterable[Sequence[str]], size: int) -> tuple[str, ...]:
    """The most frequent words of some sentences, the first of them first, ties in the order of code points.

    Examples
    --------
    >>> print(most_frequent(["banana"], 2))
    ('a', 'n')
    """
    if size < 1:
        raise ValueError(f"vocabulary must hold at least one word, got {size}")
    counts = Counter(chain.from_iterable(sentences))
    return tuple(sorted(counts, key=lambda word: (-counts[word], word))[:size])


def index_of(words: Sequence[str], vocabulary: Sequence[str]) -> list[int]:
    """Places of words in a vocabulary; a ValueError names the first one that it does not hold."""
    index = {word: i for i, word in enumerate(vocabulary)}
    for word in words:
        if word not in index:
            raise ValueError(f"words must be among the {len(index)} of the vocabulary, got {word!r}")
    return [index[word] for word in words]
