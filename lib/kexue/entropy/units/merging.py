"""Greedy merging: the pair of neighbours that helps most becomes one unit, again and again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from ..._check import at_least_one, not_negative

__all__ = ["Merges", "greedy_merge", "pair_counts"]

CLOSE = 0.8  # of the best score of a round
SCORES = ("gain", "count", "description")


class Merges(NamedTuple):
    """The course of a greedy merging. After k merges the text is cut at ``ends(k)``."""

    units: list[str]
    """The units that the text began with, sorted; then those that merging made, in its order."""
    pairs: Int[np.ndarray, "merges 2"]
    """Which two units each merge joined."""
    uses: Int[np.ndarray, " merges"]
    """At how many places."""
    joined_at: Int[np.ndarray, " start"]
    """The merge, counted from 1, that removed the boundary after each unit of the start; 0 where it still stands."""
    text: Float[np.ndarray, " states"]
    """Cost of the text after 0, 1, … merges: its units at their entropy, in bits a letter."""
    lexicon: Float[np.ndarray, " states"]
    """Cost of spelling out the units in use, in bits a letter, at the price given."""

    @property
    def total(self) -> Float[np.ndarray, " states"]:
        """The description length, in bits a letter."""
        return self.text + self.lexicon

    def ends(self, merges: int) -> Bool[np.ndarray, " start"]:
        """Where units end after so many merges; if the start is letters, over all letters."""
        return (self.joined_at == 0) | (self.joined_at > merges)


def pair_counts(ids: ArrayLike | Sequence, size: int) -> tuple[Int[np.ndarray, "pairs 2"], Int[np.ndarray, " pairs"]]:
    """How often each pair of neighbours occurs.

    Parameters
    ----------
    ids : int (units,)
        A text as numbers of units; −1 between sentences.
    size : int, at least 1
        Units in the vocabulary.

    Returns
    -------
    (int (pairs, 2), int (pairs,))
        The pairs in ascending order, and their counts. Of equal units in a row, pairs are taken from the left and
        without overlap: those that a merge would join.

    Raises
    ------
    ValueError
        If an id is not in [−1, size), there is no unit, or ``ids`` are not integers.

    Examples
    --------
    >>> pairs, counts = pair_counts(np.array([0, 0, 0, 1, -1, 0, 1]), 2)
    >>> print(pairs.tolist(), counts)
    [[0, 0], [0, 1]] [1 2]
    """
    at_least_one("size", size)
    ids = np.asarray(ids)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer) or not (ids >= 0).any():
        raise ValueError(f"ids must be a row of integers with at least one unit, got {ids.dtype} of shape {ids.shape}")
    if ids.min() < -1 or ids.max() >= size:
        raise ValueError(f"ids must be units in [0, {size}), or -1 between sentences, got {ids.min()} to {ids.max()}")
    keys, counts = _count(ids.astype(np.int64), size)
    return np.stack(np.divmod(keys, size), axis=1), counts


def greedy_merge(
    texts: Sequence[Sequence[str]], merges: int, score: str = "gain", *, batch: int = 1, price: float = 1.0
) -> Merges:
    r"""Join neighbours into units, the best pair first, until nothing helps or ``merges`` are done.

    With :math:`f(n)=n\log_2n`, N units, and m places at which a is followed by b, a merge saves

    .. math:: N\mathcal F_{ab}=f(N)-f(N-m)+f(m)+\sum_{i=a,b}[f(n_i-m)-f(n_i)]

    bits of text; pairs :math:`aa` use up two of one kind.

    Parameters
    ----------
    texts : sequence of sequences of str
        Sentences; a string is a row of letters, a list of words merges into phrases. No merge goes beyond a sentence.
    merges : int, at least 0
    score : {"gain", "count", "description"}
        ``"gain"``: the bits of text saved, Redlich's measure; merging stops where there are none to save.
        ``"count"``: the number of places, byte-pair encoding; stops where no pair occurs twice. ``"description"``: the
        bits of text less the spelling of the new unit, plus that of parts no longer used.
    batch : int, at least 1
        At most so many pairs a round, chosen by the counts at its beginning: of no two that share a unit, so that
        merges cannot overlap, and none that scores less than four fifths of the best. In the first rounds there are
        few such pairs, and later many. Without that bound the best merges of the beginning are lost.
    price : float, at least 0
        Factor of the spelling, in ``"description"`` and in the recorded cost of the lexicon.

    Returns
    -------
    Merges

    Raises
    ------
    ValueError
        If there is no unit, ``score`` is another word, or a number is out of range.

    Notes
    -----
    A pass over the text a round, and a sort once the table of all pairs is larger than the text. Of pairs with equal
    scores, the first in the order of the units is taken.

    Examples
    --------
    >>> done = greedy_merge(["thedog", "thecat", "thefog"], 3)
    >>> print(done.units[-3:], done.uses)
    ['he', 'og', 'the'] [3 2 3]

    References
    ----------
    Redlich, "Redundancy reduction as a strategy for unsupervised learning", 1993. Sennrich, Haddow and Birch, 2016,
    arXiv:1508.07909 (byte-pair encoding).
    """
    _check(merges, score, batch, price)
    state = _Text(texts, price)
    while len(state.pairs) < merges:
        keys, m = _count(state.ids, len(state.units))
        a, b = np.divmod(keys, len(state.units))
        chosen = _disjoint(a, b, state.scores(a, b, m, score), batch)
        if not chosen:
            break
        state.merge([(int(a[i]), int(b[i])) for i in chosen[: merges - len(state.pairs)]])
    return state.course()


class _Text:
    """A text in units, and what has been done to it."""

    def __init__(self, texts: Sequence[Sequence[str]], price: float):
        rows = [list(text) for text in texts if len(text)]
        if not rows or not all(unit for row in rows for unit in row):
            raise ValueError("texts must hold at least one unit, and none without letters")
        flat = [unit for row in rows for unit in row]
        self.units = sorted(set(flat))
        number = {unit: i for i, unit in enumerate(self.units)}
        last = np.cumsum([len(row) for row in rows])
        self.ids = np.insert(np.array([number[unit] for unit in flat], np.int64), last, -1)
        self.place = np.insert(np.arange(len(flat)), last, -1)  # of the last of the units joined so far
        self.joined_at = np.zeros(len(flat), int)
        self.letters = sum(map(len, flat))
        self.price = price * np.log2(len(set("".join(self.units))) + 1)
        self.counts = np.bincount(self.ids[self.ids >= 0]).astype(float)
        self.lengths = np.array([len(unit) for unit in self.units])
        self.pairs: list[tuple[int, int]] = []
        self.uses: list[int] = []
        self.costs = [self.cost()]

    def cost(self) -> tuple[float, float]:
        text = _f(self.counts.sum()) - _f(self.counts).sum()
        return text / self.letters, self.price * (self.lengths + 1)[self.counts > 0].sum() / self.letters

    def scores(self, a: np.ndarray, b: np.ndarray, m: np.ndarray, score: str) -> np.ndarray:
        """Of no use where not above 0; to six digits, so that rounding decides between no equals."""
        if score == "count":
            return m - 1
        n, n_a, n_b = self.counts.sum(), self.counts[a], self.counts[b]
        left_a, left_b = n_a - np.where(a == b, 2 * m, m), n_b - m
        apart = np.where(a == b, 0, _f(left_b) - _f(n_b))
        saved = _f(n) - _f(n - m) + _f(m) + _f(left_a) - _f(n_a) + apart
        if score == "gain":
            return np.round(saved, 6)
        l_a, l_b = self.lengths[a] + 1, self.lengths[b] + 1
        gone = np.where(left_a == 0, l_a, 0) + np.where((left_b == 0) & (a != b), l_b, 0)
        return np.round(saved - self.price * (l_a + l_b - 1 - gone), 6)

    def merge(self, pairs: list[tuple[int, int]]) -> None:
        first, size = [a for a, _ in pairs], len(self.units)
        partner, joined = np.full(size + 1, -2), np.zeros(size + 1, int)  # the last of each belongs to id −1
        partner[first], joined[first] = [b for _, b in pairs], size + np.arange(len(pairs))
        at = np.flatnonzero((partner[self.ids[:-1]] == self.ids[1:]) & _even(self.ids))
        new = joined[self.ids[at]]
        self.joined_at[self.place[at]] = new - size + len(self.pairs) + 1
        self.ids[at], self.place[at] = new, self.place[at + 1]
        self.ids, self.place = np.delete(self.ids, at + 1), np.delete(self.place, at + 1)
        for (a, b), m in zip(pairs, np.bincount(new - size, minlength=len(pairs)).tolist(), strict=True):
            self.counts[a] -= m
            self.counts[b] -= m
            self.counts, self.lengths = np.append(self.counts, m), np.append(self.lengths, self.lengths[[a, b]].sum())
            self.units.append(self.units[a] + self.units[b])
            self.pairs.append((a, b))
            self.uses.append(m)
            self.costs.append(self.cost())

    def course(self) -> Merges:
        text, lexicon = np.array(self.costs).T
        pairs = np.array(self.pairs, int).reshape(-1, 2)
        return Merges(self.units, pairs, np.array(self.uses, int), self.joined_at, text, lexicon)


def _f(n: np.ndarray | np.floating) -> Any:
    return n * np.log2(np.maximum(n, 1))


def _even(ids: np.ndarray) -> np.ndarray:
    """For all but the last unit: whether it may join with its like, if that comes next, counted from the left."""
    valid = ids[:-1] >= 0
    alike = np.flatnonzero(ids[:-1] == ids[1:])
    new = np.diff(alike, prepend=-2) > 1
    valid[alike] &= (alike - alike[new][np.cumsum(new) - 1]) % 2 == 0
    return valid


def _count(ids: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    valid = _even(ids) & (ids[1:] >= 0)
    keys = ids[:-1][valid] * size + ids[1:][valid]
    if size * size > 4 * ids.size:
        return np.unique(keys, return_counts=True)
    counts = np.bincount(keys, minlength=size * size)  # no sort, while the table of all pairs is small
    return np.flatnonzero(counts), counts[counts > 0]


def _disjoint(a: np.ndarray, b: np.ndarray, scores: np.ndarray, batch: int) -> list[int]:
    """The best pairs that are of use and close to the best of all, of which no two share a unit."""
    chosen: list[int] = []
    taken: set[int] = set()
    for i in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == batch or scores[i] <= 0 or (chosen and scores[i] < CLOSE * scores[chosen[0]]):
            break
        if a[i] not in taken and b[i] not in taken:
            chosen.append(i)
            taken |= {int(a[i]), int(b[i])}
    return chosen


def _check(merges: int, score: str, batch: int, price: float) -> None:
    if score not in SCORES:
        raise ValueError(f"score must be one of {', '.join(map(repr, SCORES))}, got {score!r}")
    if merges < 0:
        raise ValueError(f"merges must be at least 0, got {merges}")
    at_least_one("batch", batch)
    not_negative("price", price)
