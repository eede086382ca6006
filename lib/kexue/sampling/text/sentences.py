"""Sentences of different lengths in vectors of one capacity: made, listed, and scored under a Markov chain."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._check import at_least_one

__all__ = ["Sentence", "every_sentence", "markov_score", "sentence"]


class Sentence(NamedTuple):
    """Tokens in a vector of fixed capacity, zero beyond the length; locked words are neither deleted nor replaced."""

    tokens: Int[Array, " capacity"]
    """Ids of the words, zero beyond the length."""
    length: Int[Array, ""]
    """How many there are."""
    locked: Bool[Array, " capacity"]
    """Words that edits must leave."""


def sentence(tokens: Any, capacity: int, locked: Sequence[int] = ()) -> Sentence:
    """Make a `Sentence`.

    Parameters
    ----------
    tokens : sequence of int
        Non-negative; may be empty.
    capacity : int
        The greatest length.
    locked : sequence of int
        Places of the words to be kept. They stay in their order; insertions and deletions move them along.

    Returns
    -------
    Sentence

    Raises
    ------
    ValueError
        More tokens than the capacity, negative tokens, or a locked place outside the sentence.

    Examples
    --------
    >>> print(sentence([7, 8], 4, locked=[1]))
    Sentence(tokens=Array([7, 8, 0, 0], dtype=int32), length=Array(2, dtype=int32), locked=Array([False,  True, False, False], dtype=bool))
    """
    at_least_one("capacity", capacity)
    tokens = np.asarray(tokens, np.int32).reshape(-1)
    if tokens.size > capacity:
        raise ValueError(f"tokens must fit into the capacity: {tokens.size} of them into {capacity}")
    if np.any(tokens < 0):
        raise ValueError(f"tokens must not be negative, got {tokens.tolist()}")
    if not all(0 <= place < tokens.size for place in locked):
        raise ValueError(f"locked must be places in [0, {tokens.size}), got {list(locked)}")
    flags = np.zeros(capacity, bool)
    flags[list(locked)] = True
    padded = np.pad(tokens, (0, capacity - tokens.size))
    return Sentence(jnp.asarray(padded), jnp.asarray(tokens.size, jnp.int32), jnp.asarray(flags))


def every_sentence(capacity: int, vocabulary: int, *, shortest: int = 1) -> Sentence:
    """All sentences without locked words, as rows, for `kernel_matrix`.

    Parameters
    ----------
    capacity, vocabulary : int, at least 1
    shortest : int
        Between 0 and ``capacity``.

    Returns
    -------
    Sentence
        Leaves with a leading axis of all ``vocabulary**shortest + ... + vocabulary**capacity`` sentences.

    Raises
    ------
    ValueError
        Sizes out of range, or more than 100,000 sentences.

    Examples
    --------
    >>> print(every_sentence(3, 2).length)
    [1 1 2 2 2 2 3 3 3 3 3 3 3 3]
    """
    at_least_one("capacity", capacity)
    at_least_one("vocabulary", vocabulary)
    if not 0 <= shortest <= capacity:
        raise ValueError(f"shortest must be in [0, {capacity}], got {shortest}")
    if sum(vocabulary**n for n in range(shortest, capacity + 1)) > 100_000:
        raise ValueError(f"more than 100,000 sentences of up to {capacity} words out of {vocabulary}: too many to list")
    rows = [
        np.pad(np.indices((vocabulary,) * n).reshape(n, -1).T.reshape(vocabulary**n, n), ((0, 0), (0, capacity - n)))
        for n in range(shortest, capacity + 1)
    ]
    lengths = np.repeat(np.arange(shortest, capacity + 1), [len(row) for row in rows])
    tokens = np.concatenate(rows).astype(np.int32)
    return Sentence(jnp.asarray(tokens), jnp.asarray(lengths, jnp.int32), jnp.zeros(tokens.shape, bool))


def markov_score(
    x: Sentence,
    log_start: Float[Array, " vocabulary"],
    log_transition: Float[Array, "vocabulary vocabulary"],
    log_stop: Float[Array, " vocabulary"],
) -> Float[Array, ""]:
    r"""Log-probability of a sentence of any length under a Markov chain on words.

    .. math:: \log P(x_1)+\sum_{i<n}\log P(x_{i+1}\mid x_i)+\log P(\text{end}\mid x_n)

    Parameters
    ----------
    x : Sentence
    log_start, log_stop : float (vocabulary,)
    log_transition : float (vocabulary, vocabulary)
        ``[v, w]`` is the log-probability of ``w`` after ``v``.

    Returns
    -------
    scalar
        ``-inf`` for the empty sentence.

    Examples
    --------
    >>> half = jnp.log(0.5)
    >>> print(markov_score(sentence([0, 1, 1], 5), jnp.full(2, half), jnp.full((2, 2), half), jnp.full(2, half)) / half)
    4.0
    """
    words, places = x.tokens, jnp.arange(x.tokens.size - 1)
    pairs = jnp.where(places < x.length - 1, log_transition[words[:-1], words[1:]], 0.0)
    total = log_start[words[0]] + pairs.sum() + log_stop[words[x.length - 1]]
    return jnp.where(x.length > 0, total, -jnp.inf)
