"""Sentences that change their length: insert, delete and replace words, with every choice counted."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from ..._check import at_least_one
from ..chains.moves import Moves, index_at
from .sentences import Sentence

__all__ = ["EDITS", "edit_moves", "every_edit"]

EDITS = ("insert", "delete", "replace", "stay")
INSERT, DELETE, REPLACE, STAY = range(4)


def edit_moves(
    word_logits: Callable[[Sentence, Array], Array],
    *,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    shortest: int = 1,
) -> Moves:
    r"""Insert, delete or replace a word: three kinds of moves with the kind drawn first, then the place, then the word.

    An insertion chooses among all slots, one more than there are words; a deletion or a replacement among the free words.
    The ratio of an insertion into a sentence of :math:`n` free and :math:`K` locked words therefore contains
    :math:`(n+1+K)/(n+1)`. A kind that is impossible (the sentence is full, too short, or has no free word) leaves the
    sentence as it is.

    Parameters
    ----------
    word_logits : callable
        ``word_logits(x, i) -> (vocabulary,)``: unnormalised log-probabilities of the new word at place ``i`` of ``x``, in
        which ``tokens[i]`` is -1. It sees the rest of the sentence and not the word that was there, so that the same law
        serves the way back.
    weights : three numbers
        Of insertions, deletions and replacements; not negative, not all zero. With insertions there must be deletions.
    shortest : int, at least 0
        Deletions stop here.

    Returns
    -------
    Moves
        For a `Sentence`; a move is ``[kind, place, word]``, ``kind`` an index into `EDITS`.

    Raises
    ------
    ValueError
        Weights or ``shortest`` out of range.

    Notes
    -----
    Two evaluations of ``word_logits`` a step.

    Examples
    --------
    >>> from kexue.sampling import sentence
    >>> moves = edit_moves(lambda x, i: jnp.zeros(100))
    >>> x = sentence([5, 6, 7], 8, locked=[0, 2])  # one free word: of insertion 1/3 · 1/4 · 1/100, back 1/3 · 1/2
    >>> print(f"{jnp.exp(moves.log_ratio(x, jnp.array([0, 1, 42]))):.1f}")
    200.0

    References
    ----------
    N. Miao et al., CGMH: constrained sentence generation by Metropolis-Hastings sampling, AAAI 2019, arXiv:1811.10996.
    """
    shares = np.asarray(weights, float)
    if shares.shape != (3,) or not np.all((shares >= 0) & np.isfinite(shares)) or shares.sum() == 0:
        raise ValueError(f"weights must be three non-negative numbers, not all zero, got {weights!r}")
    if (shares[INSERT] > 0) != (shares[DELETE] > 0):
        raise ValueError(
            f"weights must allow both insertions and deletions or neither: one undoes the other, got {weights!r}"
        )
    if shortest < 0:
        raise ValueError(f"shortest must be at least 0, got {shortest}")
    shares = shares / shares.sum()

    def feasible(x: Sentence) -> Bool[Array, " 3"]:
        free = jnp.sum(_free(x))
        return jnp.stack([x.length < x.tokens.size, (free > 0) & (x.length > shortest), free > 0])

    def with_hole(x: Sentence, kind: Array, place: Array) -> Sentence:
        """The rest of the sentence, the same before and after the move."""
        opened = _insert(x, place, -1)
        emptied = x._replace(tokens=x.tokens.at[place].set(-1))
        return jax.tree.map(lambda a, b: jnp.where(kind == INSERT, a, b), opened, emptied)

    def draw(key: Array, x: Sentence) -> Array:
        for_kind, for_place, for_word = jax.random.uniform(key, (3,))
        kind = jnp.sum(for_kind >= jnp.asarray(np.cumsum(shares)[:2], jnp.float32)).astype(jnp.int32)
        slots = jnp.arange(x.tokens.size) <= x.length
        choice = jnp.cumsum(jnp.where(kind == INSERT, slots, _free(x)).astype(jnp.int32))
        rank = jnp.floor(for_place * choice[-1].astype(jnp.float32)).astype(jnp.int32)
        place = jnp.sum(choice <= rank).astype(jnp.int32)
        logits = word_logits(with_hole(x, kind, place), place)
        word = index_at(for_word.astype(logits.dtype), logits)
        move = jnp.stack([kind, place, jnp.where(kind == DELETE, 0, word)])
        return jnp.where(feasible(x)[kind], move, jnp.array([STAY, 0, 0], jnp.int32))

    def log_prob(x: Sentence, move: Array) -> Array:
        kind, place, word = move
        possible, free = feasible(x), _free(x)
        size, log_shares = x.tokens.size, jnp.log(jnp.asarray(shares, jnp.float32))
        inside = (place >= 0) & (place < size)
        slot = inside & (place <= x.length) & (kind == INSERT)
        target = inside & free[jnp.clip(place, 0, size - 1)] & ((kind == REPLACE) | ((kind == DELETE) & (word == 0)))
        words = jax.nn.log_softmax(word_logits(with_hole(x, kind, place), place))
        log_word = jnp.where((word >= 0) & (word < words.size), words[jnp.clip(word, 0, words.size - 1)], -jnp.inf)
        log_place = -jnp.log(jnp.where(kind == INSERT, x.length + 1, jnp.maximum(free.sum(), 1)).astype(words.dtype))
        edit = log_shares[jnp.clip(kind, 0, 2)] + log_place + jnp.where(kind == DELETE, 0.0, log_word)
        edit = jnp.where((slot | target) & possible[jnp.clip(kind, 0, 2)], edit, -jnp.inf)
        rest = jnp.log(jnp.sum(jnp.where(possible, 0.0, jnp.asarray(shares, jnp.float32))))
        canonical = (place == 0) & (word == 0)
        return jnp.where(kind == STAY, jnp.where(canonical, rest, -jnp.inf), edit)

    def apply(x: Sentence, move: Array) -> Sentence:
        kind, place, word = move
        replaced = x._replace(tokens=x.tokens.at[place].set(word.astype(x.tokens.dtype)))
        choices = (_insert(x, place, word), _delete(x, place), replaced, x)
        return jax.tree.map(lambda *leaves: jnp.stack(leaves)[kind], *choices)

    def reverse(x: Sentence, move: Array) -> Array:
        kind, place, _ = move
        back = jnp.array([DELETE, INSERT, REPLACE, STAY], jnp.int32)[kind]
        old = jnp.where((kind == DELETE) | (kind == REPLACE), x.tokens[place], 0)
        return jnp.stack([back, place, old]).astype(move.dtype)

    def shortcut(x: Sentence, move: Array) -> Array:
        kind, place, word = move
        logits = word_logits(with_hole(x, kind, place), place)
        words, old, free = logits - jax.nn.logsumexp(logits), x.tokens[place], jnp.sum(_free(x))
        log = lambda count: jnp.log(count.astype(words.dtype))  # noqa: E731
        balance = jnp.log(jnp.asarray(shares[DELETE], words.dtype)) - jnp.log(jnp.asarray(shares[INSERT], words.dtype))
        insert = balance + log(x.length + 1) - log(free + 1) - words[word]
        delete = words[old] + log(free) - log(x.length) - balance
        cases = (insert, delete, words[old] - words[word], jnp.zeros_like(insert))
        return jnp.stack(cases)[kind]

    return Moves(draw, log_prob, apply, reverse, shortcut)


def every_edit(capacity: int, vocabulary: int) -> Int[np.ndarray, "moves 3"]:
    """All moves of `edit_moves`, for `kernel_matrix`.

    Parameters
    ----------
    capacity, vocabulary : int, at least 1

    Returns
    -------
    int32 array (moves, 3)

    Examples
    --------
    >>> print(every_edit(2, 3).shape)  # 6 insertions, 2 deletions, 6 replacements, 1 rest
    (15, 3)
    """
    at_least_one("capacity", capacity)
    at_least_one("vocabulary", vocabulary)
    places, words = range(capacity), range(vocabulary)
    both = [(kind, i, w) for kind in (INSERT, REPLACE) for i in places for w in words]
    return np.array([*both, *((DELETE, i, 0) for i in places), (STAY, 0, 0)], np.int32)


def _free(x: Sentence) -> Bool[Array, " capacity"]:
    return (jnp.arange(x.tokens.size) < x.length) & ~x.locked


def _insert(x: Sentence, place: Array, word: Any) -> Sentence:
    places = jnp.arange(x.tokens.size)
    source = jnp.where(places > place, places - 1, places)
    tokens = jnp.where(places == place, jnp.asarray(word, x.tokens.dtype), x.tokens[source])
    return Sentence(tokens, x.length + 1, jnp.where(places == place, False, x.locked[source]))


def _delete(x: Sentence, place: Array) -> Sentence:
    places, size = jnp.arange(x.tokens.size), x.tokens.size
    source = jnp.minimum(jnp.where(places >= place, places + 1, places), size - 1)
    kept = places < x.length - 1
    return Sentence(jnp.where(kept, x.tokens[source], 0), x.length - 1, kept & x.locked[source])
