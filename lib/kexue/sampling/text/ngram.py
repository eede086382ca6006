"""An n-gram language model of characters or words: counted in one pass, scored in batches, with back-off.

Plain NumPy throughout: the tables have the length that the text gives them, and a look-up is a binary search. The
result of a batch is one array; put it on a device if the rest of a computation lives there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import jax
import numpy as np
from jaxtyping import Bool, Float, Int, Key

from ..._check import at_least_one, require
from .bigram import most_frequent

__all__ = ["END", "UNKNOWN", "NGram", "ngram_model"]

UNKNOWN, END = 0, 1


@dataclass(frozen=True)
class Order:
    """The n-grams of one length. A gram is known by its place in ``keys``."""

    keys: Int[np.ndarray, " grams"]
    """Increasing: the place of the first n − 1 symbols among the shorter grams, times V, plus the last symbol."""
    counts: Int[np.ndarray, " grams"]
    totals: Int[np.ndarray, " histories"]
    """By the place of the history: how often it was followed by anything."""
    types: Int[np.ndarray, " histories"]
    """… and by how many different symbols."""


@dataclass(frozen=True)
class NGram:
    r"""Interpolated absolute discounting: every history borrows from the history that is one symbol shorter.

    .. math:: P(w\mid h)=\frac{\max(c(hw)-d,0)+d\,N_{1+}(h\cdot)\,P(w\mid h')}{c(h)}

    with :math:`N_{1+}` the number of different symbols seen after :math:`h`; where :math:`h` was never seen,
    :math:`P(w\mid h)=P(w\mid h')`. The recursion ends at the uniform distribution, so that nothing is impossible.
    """

    words: tuple[str, ...]
    """Symbol 0 stands for everything outside the vocabulary, symbol 1 for the end of a line; then the vocabulary."""
    discount: float
    across_lines: bool
    """Whether a history reaches back over the end of a line."""
    unigram: Float[np.ndarray, " V"]
    orders: tuple[Order, ...]
    """Those of 2, 3, … symbols."""

    @property
    def order(self) -> int:
        """Symbols of the longest gram."""
        return len(self.orders) + 1

    def log_probs(self, lines: Iterable[Sequence[str]]) -> Float[np.ndarray, " symbols"]:
        """Log probability of every symbol of every line given those before it, ends of lines included.

        Parameters
        ----------
        lines : iterable of sequences of words
            A string is a sequence of characters.

        Returns
        -------
        float64 (symbols,)
            All lines in one array, each closed by its end: a line of n words gives n + 1 numbers.

        Raises
        ------
        ValueError
            If there is no line.

        Notes
        -----
        One binary search a symbol and order, all of them in one call of NumPy: about 2 million symbols a second.
        """
        x, is_symbol = _stream(lines, self.words, self.order, self.across_lines)
        p, gram = self.unigram[x], x
        for table in self.orders:
            history = np.concatenate([[-1], gram[:-1]])
            gram = _find(table.keys, history, x, len(self.words))
            p = self._interpolate(table, history, np.where(gram >= 0, table.counts[gram], 0), p)
        return np.log(p[is_symbol])

    def cross_entropy(self, lines: Iterable[Sequence[str]]) -> float:
        """Mean of minus :meth:`log_probs`, in nats a symbol; its exponential is the perplexity."""
        return float(-self.log_probs(lines).mean())

    def conditional(self, histories: Int[np.ndarray, "batch h"]) -> Float[np.ndarray, "batch V"]:
        """The distribution of the next symbol after each of a batch of histories.

        Parameters
        ----------
        histories : int (batch, h)
            Symbols, the latest last; those beyond the model's order do not matter.

        Returns
        -------
        float64 (batch, V)
            Every row adds up to one, whether its history was seen or not.

        Raises
        ------
        ValueError
            If a symbol is not in [0, V).

        Notes
        -----
        Time and memory: batch · V.
        """
        histories, V = np.asarray(histories, np.int64), len(self.words)
        if histories.size and not (histories.min() >= 0 and histories.max() < V):
            raise ValueError(f"histories must hold symbols in [0, {V}), got {histories.min()} to {histories.max()}")
        P = np.tile(self.unigram, (len(histories), 1))
        for k, table in enumerate(self.orders[: histories.shape[1]], 2):
            history = histories[:, 1 - k]
            for shorter, symbol in zip(self.orders, histories[:, 2 - k :].T if k > 2 else (), strict=False):
                history = _find(shorter.keys, history, symbol, V)
            low, high = (np.searchsorted(table.keys, (history + end) * V) for end in (0, 1))
            size = np.where(history >= 0, high - low, 0)
            rows = np.repeat(np.arange(len(histories)), size)
            place = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + low[rows]
            counts = np.zeros_like(P)
            counts[rows, table.keys[place] % V] = table.counts[place]
            P = self._interpolate(table, history[:, None], counts, P)
        return P

    def generate(self, key: Key[jax.Array, ""], number: int, length: int) -> list[list[str]]:
        """Draw lines, symbol by symbol, each from the start of a line to its end or to a length.

        Parameters
        ----------
        key : PRNG key
        number, length : int, at least 1

        Returns
        -------
        list of lists of words
            At most ``length`` words each; 0 is written ``"□"``.

        Raises
        ------
        ValueError
            If ``number`` or ``length`` is below one.
        """
        at_least_one("number", number)
        at_least_one("length", length)
        u = np.asarray(jax.random.uniform(key, (length, number)), float)
        x = np.full((number, self.order - 1), END)
        for t in range(length):
            table = np.cumsum(self.conditional(x[:, max(0, x.shape[1] - self.order + 1) :]), axis=1)
            new = (table <= u[t][:, None] * table[:, -1:]).sum(axis=1)
            x = np.column_stack([x, np.where((t > 0) & (x[:, -1] == END), END, new)])
        names = ("□", "", *self.words[2:])
        lines = [row[: np.argmax(row == END) if END in row else None] for row in x[:, self.order - 1 :]]
        return [[names[symbol] for symbol in line] for line in lines]

    def _interpolate(self, table: Order, history: np.ndarray, counts: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        total = np.where(history >= 0, table.totals[history], 0)
        borrowed = self.discount * table.types[history] * shorter
        return np.where(total > 0, (np.maximum(counts - self.discount, 0) + borrowed) / np.maximum(total, 1), shorter)


def ngram_model(
    lines: Iterable[Sequence[str]],
    vocabulary: int | Sequence[str],
    *,
    order: int = 3,
    discount: float = 0.75,
    across_lines: bool = False,
) -> NGram:
    """Count all grams of up to ``order`` symbols.

    Parameters
    ----------
    lines : iterable of sequences of words
        Strings for a model of characters, lists of words for a model of words.
    vocabulary : int or sequence of words
        How many of the most frequent words to take (ties by code point), or the words themselves. All others are one
        symbol, unknown.
    order : int, 1 to 8
    discount : float in (0, 1)
    across_lines : bool
        Whether the lines are consecutive text, so that a history may begin in the line before. Otherwise each line is
        a sample of its own, and the probabilities of all possible lines add up to one.

    Returns
    -------
    NGram

    Raises
    ------
    ValueError
        If the vocabulary is empty or holds a word twice, if there is no line, or an argument is out of range.

    Notes
    -----
    One sort of the text for each order: 1.5 million characters of order 4 take about half a second.

    Examples
    --------
    >>> model = ngram_model(["abab", "abb"], "ab", order=2, discount=0.5)
    >>> print(model.words[2:], model.conditional(np.array([[2]]))[0, 2:])  # after a: always b, less half a count
    ('a', 'b') [0.05324074 0.90509259]

    References
    ----------
    Ney, Essen and Kneser, "On structuring probabilistic dependences in stochastic language modelling", 1994.
    """
    require("order", order, "from 1 to 8", lambda value: (value >= 1) & (value <= 8))
    require("discount", discount, "in (0, 1)", lambda value: (value > 0) & (value < 1))
    if isinstance(lines, str):
        raise ValueError(
            "lines must be a sequence of lines, got one string, whose characters would be lines: put it in a list"
        )
    lines = list(lines)
    chosen = most_frequent(lines, vocabulary) if isinstance(vocabulary, int) else tuple(vocabulary)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"vocabulary must hold at least one word, and each word once, got {len(chosen)} words")
    words = ("<unknown>", "<end>", *chosen)
    x, is_symbol = _stream(lines, words, order, across_lines)
    V, orders, gram, size = len(words), [], x, len(words)
    counts = np.bincount(x[is_symbol], minlength=V)
    unigram = (np.maximum(counts - discount, 0) + discount * (counts > 0).sum() / V) / counts.sum()
    for k in range(2, order + 1):
        history, is_symbol_here = gram[:-1], is_symbol[k - 1 :]
        every, gram = np.unique(history * V + x[k - 1 :], return_inverse=True)
        counts = np.bincount(gram[is_symbol_here], minlength=len(every))
        parent, seen = every // V, counts > 0
        totals = np.bincount(parent, counts, size).astype(np.int64)
        orders.append(Order(every, counts, totals, np.bincount(parent[seen], minlength=size)))
        size = len(every)
    return NGram(words, float(discount), across_lines, unigram, tuple(orders))


def _stream(
    lines: Iterable[Sequence[str]], words: tuple[str, ...], order: int, across_lines: bool
) -> tuple[Int[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """All symbols in one array, with enough ends in front for a full history; which of them count."""
    index = {word: i for i, word in enumerate(words) if i > END}
    pad = [END] * (order - 1)
    before, unknown = [] if across_lines else pad, repeat(UNKNOWN)
    coded = [[*before, *map(index.get, line, unknown), END] for line in lines]
    if not coded:
        raise ValueError("lines must hold at least one line, got none")
    x = np.fromiter(chain(pad if across_lines else [], chain.from_iterable(coded)), np.int64)
    is_symbol = np.ones(len(x), bool)
    starts = [0] if across_lines else np.cumsum([0, *map(len, coded[:-1])])
    for i in range(order - 1):
        is_symbol[np.add(starts, i)] = False
    return x, is_symbol


def _find(keys: np.ndarray, history: np.ndarray, symbol: np.ndarray, V: int) -> np.ndarray:
    """The place of a gram, or −1."""
    key = history * V + symbol
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    return np.where((history >= 0) & (keys[place] == key), place, -1)
