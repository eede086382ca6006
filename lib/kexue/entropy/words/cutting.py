"""Words as what is left between cuts: where neighbours are rare or indifferent, the text falls apart."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from .association import pmi
from .counts import NGrams, Numbers, ngram_counts

__all__ = ["cut_outside", "cut_text", "neighbours", "weak_seams"]


def neighbours(
    ids: Numbers, grams: NGrams | None = None
) -> tuple[Int[np.ndarray, " gaps"], Float[np.ndarray, " gaps"]]:
    """The count and the pointwise mutual information of every two neighbouring symbols of a text.

    Parameters
    ----------
    ids : int (N,)
        Symbols; −1 separates sentences.
    grams : NGrams, optional
        Where the counts come from, of order 2 at least; default: the text itself.

    Returns
    -------
    (int64 (N − 1,), float64 (N − 1,))
        0 and −∞ at separators and for pairs that ``grams`` does not hold. The PMI is in nats, with one total, the number
        of symbols, for pairs and for symbols.

    Raises
    ------
    ValueError
        As :func:`ngram_counts`, or if ``grams`` has no pairs.

    Examples
    --------
    >>> counts, information = neighbours([0, 1, 2, 0, 1, 3, -1, 2])
    >>> print(counts, information.round(2))
    [2 1 1 2 1 0 0] [1.25 0.56 0.56 1.25 1.25 -inf -inf]
    """
    ids = np.asarray(ids)
    grams = ngram_counts(ids, 2) if grams is None else grams
    place = grams.locate(ids, 2)[:-1]
    pairs = grams.grams(2)
    first, second = (grams.counts(1)[grams.find(pairs[:, [k]])] for k in (0, 1))
    information = np.append(pmi(grams.counts(2), first, second, grams.total), -np.inf)
    return np.append(grams.counts(2), 0)[place], information[place]


def weak_seams(
    ids: Numbers, *, min_prob: int | float, min_pmi: int | float, grams: NGrams | None = None
) -> Bool[np.ndarray, " gaps"]:
    r"""Where to cut: between neighbours whose share :math:`p_{ab}` or whose PMI is below its threshold.

    Parameters
    ----------
    ids : int (N,)
        Symbols; −1 separates sentences.
    min_prob : float in [0, 1]
        The smallest share of a pair among the symbols of the text that keeps it together.
    min_pmi : float
        In nats. One nat is what a merge costs: see :func:`merge_gain_approx`.
    grams : NGrams, optional
        As for :func:`neighbours`.

    Returns
    -------
    bool (N − 1,)
        Whether position i is cut from position i + 1; always at separators.

    Raises
    ------
    ValueError
        If a threshold is out of range; as :func:`neighbours`.

    Examples
    --------
    >>> print(weak_seams([0, 1, 2, 0, 1, 3, -1, 2], min_prob=0.2, min_pmi=1.0))
    [False  True  True False  True  True  True]

    References
    ----------
    Su, 最小熵原理（二）, 2018, https://kexue.fm/archives/5476.
    """
    if not 0 <= min_prob <= 1:
        raise ValueError(f"min_prob must be in [0, 1], got {min_prob}")
    if np.isnan(min_pmi):
        raise ValueError("min_pmi must be a number, got nan")
    grams = ngram_counts(ids, 2) if grams is None else grams
    counts, information = neighbours(ids, grams)
    return (counts == 0) | (counts < min_prob * grams.total) | (information < min_pmi)


def cut_outside(ids: Numbers, grams: NGrams, accepted: Sequence[Numbers]) -> Bool[np.ndarray, " gaps"]:
    """Cut wherever no accepted gram covers both sides: accepted grams that overlap are linked into longer pieces.

    Parameters
    ----------
    ids : int (N,)
        Symbols; −1 separates sentences.
    grams : NGrams
    accepted : sequence of bool arrays
        For pairs, for triples, …: whether a gram of ``grams`` holds together. At most as many as there are lengths.

    Returns
    -------
    bool (N − 1,)
        Whether position i is cut from position i + 1.

    Raises
    ------
    ValueError
        If an array has not one entry for each gram of its length.

    Examples
    --------
    >>> from kexue.entropy import ngram_counts
    >>> ids = [0, 1, 2, 3, 0, 1, 2]
    >>> grams = ngram_counts(ids, 3)
    >>> print(cut_outside(ids, grams, [grams.counts(2) > 1]))  # 01 and 12 are accepted, and linked
    [False False  True  True False False]
    """
    ids = np.asarray(ids)
    if len(accepted) >= grams.order:
        raise ValueError(f"accepted must hold an array for lengths 2 to {grams.order} at most, got {len(accepted)}")
    cut = np.ones(max(len(ids) - 1, 0), bool)
    for n, holds in enumerate(accepted, 2):
        if np.shape(holds) != grams.counts(n).shape:
            raise ValueError(f"accepted must say so for each of {len(grams.counts(n))} grams of length {n}")
        starts = np.flatnonzero(np.append(holds, False)[grams.locate(ids, n)])
        for j in range(n - 1):
            cut[starts + j] = False
    return cut


def cut_text(ids: Numbers, alphabet: str, cut: Numbers) -> tuple[list[str], Counter[str]]:
    """The pieces between cuts as strings, in the order of the text, and how often each occurs.

    Parameters
    ----------
    ids : int (N,)
    alphabet : str
        As :func:`character_ids` returns them. What has no number ends a piece.
    cut : bool (N − 1,)

    Returns
    -------
    (list of str, Counter)

    Raises
    ------
    ValueError
        If ``cut`` has another length, or an id has no character.

    Notes
    -----
    About 0.1 µs a character.

    Examples
    --------
    >>> from kexue.entropy import character_ids
    >>> ids, alphabet = character_ids(["北京", "北京大学"])  # Beijing, Peking University
    >>> print(cut_text(ids, alphabet, np.array([False, True, True, False, True, False]))[0])
    ['北京', '北京', '大学']
    """
    ids, cut = np.asarray(ids), np.asarray(cut, bool)
    if cut.shape != (max(len(ids) - 1, 0),):
        raise ValueError(f"cut must have one entry less than ids, {max(len(ids) - 1, 0)}, got shape {cut.shape}")
    if ids.max(initial=-1) >= len(alphabet):
        raise ValueError(f"ids must be below the size of the alphabet, {len(alphabet)}, got {ids.max()}")
    code = np.append(np.frombuffer(alphabet.encode("utf-32-le", "surrogatepass"), np.uint32), np.uint32(10))
    text = np.full(len(ids) + int(cut.sum()), 10, np.uint32)
    text[np.arange(len(ids)) + np.concatenate([[0], np.cumsum(cut)])[: len(ids)]] = code[ids]
    pieces = [piece for piece in text.tobytes().decode("utf-32-le", "surrogatepass").split("\n") if piece]
    return pieces, Counter(pieces)
