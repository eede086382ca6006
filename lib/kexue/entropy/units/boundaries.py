"""Where units end: a text as its letters and a truth value after each of them, and how two such answers compare."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Int

from ..words.counts import character_ids

__all__ = ["BoundaryScores", "boundary_scores", "letter_ids", "units_at", "word_ends"]


def word_ends(sentences: Sequence[Sequence[str]]) -> Bool[np.ndarray, " letters"]:
    """True after the last letter of each word, over all letters of all sentences in a row.

    Parameters
    ----------
    sentences : sequence of sequences of words
        A sentence given as one string is a row of words of one letter.

    Returns
    -------
    bool (letters,)

    Raises
    ------
    ValueError
        If there is no word at all, or one without letters.

    Examples
    --------
    >>> print(word_ends([["to", "be"], ["or"]]).astype(int))
    [0 1 0 1 0 1]
    """
    lengths = np.array([len(word) for sentence in sentences for word in sentence], dtype=int)
    if lengths.size == 0:
        raise ValueError("sentences must hold at least one word, got none")
    if lengths.min() == 0:
        raise ValueError("sentences must be made of words of at least one letter, got one of none")
    ends = np.zeros(lengths.sum(), bool)
    ends[np.cumsum(lengths) - 1] = True
    return ends


def letter_ids(texts: Sequence[str]) -> tuple[Int[np.ndarray, " letters"], list[str], Bool[np.ndarray, " letters"]]:
    """The letters of texts as numbers: their places in the sorted alphabet.

    Parameters
    ----------
    texts : sequence of str
        Sentences without spaces (a space would be a letter).

    Returns
    -------
    (int (letters,), list of str, bool (letters,))
        The numbers, the alphabet, and where a sentence ends.

    Raises
    ------
    ValueError
        If there is no letter at all, ``texts`` is one string, or a text holds a line feed.

    Examples
    --------
    >>> ids, alphabet, ends = letter_ids(["tobe", "or"])
    >>> print(ids, "".join(alphabet), ends.astype(int))
    [4 2 0 1 2 3] beort [0 0 0 1 0 1]
    """
    ids, alphabet = character_ids(texts)
    return ids[ids >= 0], list(alphabet), word_ends([[text for text in texts if text]])


def units_at(texts: Sequence[str], ends: ArrayLike | Sequence) -> list[list[str]]:
    """Cut texts after the letters that are marked.

    Parameters
    ----------
    texts : sequence of str
    ends : bool (letters,)
        Over all letters of all texts in a row; the end of a text needs no mark.

    Returns
    -------
    list of lists of str
        One list a text.

    Raises
    ------
    ValueError
        If ``ends`` has not one entry a letter.

    Examples
    --------
    >>> units_at(["tobe", "or"], np.array([0, 1, 0, 0, 0, 0], bool))
    [['to', 'be'], ['or']]
    """
    ends, letters = np.asarray(ends, bool), sum(map(len, texts))
    if ends.shape != (letters,):
        raise ValueError(f"ends must have one entry a letter, shape {(letters,)}, got {ends.shape}")
    units, before = [], 0
    for text in texts:
        cuts = [*(np.flatnonzero(ends[before : before + len(text)]) + 1).tolist(), len(text)]
        units.append([text[i:j] for i, j in zip([0, *cuts[:-1]], cuts, strict=True) if i < j])
        before += len(text)
    return units


class BoundaryScores(NamedTuple):
    """Shares between 0 and 1; F1 is the harmonic mean of precision and recall. NaN where there is nothing to count."""

    precision: float
    """Of the boundaries found, how many are true; the ends of sentences are not counted."""
    recall: float
    """Of the true boundaries, how many are found."""
    f1: float
    """Harmonic mean of the two."""
    word_precision: float
    """Of the units found, how many are words: both ends true, and no end between them."""
    word_recall: float
    """Of the words, how many are found as one unit."""
    word_f1: float
    """Harmonic mean of these two."""


def boundary_scores(
    true: ArrayLike | Sequence, found: ArrayLike | Sequence, sentence_ends: ArrayLike | Sequence
) -> BoundaryScores:
    """Precision, recall and F1 of boundaries, which look generous, and of whole words, which are severe.

    Parameters
    ----------
    true, found : bool (letters,)
        Whether a word, or a unit, ends after a letter; at the ends of sentences both do, whatever is given.
    sentence_ends : bool (letters,)
        Whether a sentence ends after a letter.

    Returns
    -------
    BoundaryScores

    Raises
    ------
    ValueError
        If the three have different shapes, there is no letter, or the last letter ends no sentence.

    Examples
    --------
    >>> true, found = word_ends([["to", "be", "seen"]]), word_ends([["to", "bes", "een"]])
    >>> scores = boundary_scores(true, found, word_ends([["tobeseen"]]))
    >>> print(scores.f1, f"{scores.word_f1:.3f}")
    0.5 0.333
    """
    a, b, last = (np.asarray(array, bool) for array in (true, found, sentence_ends))
    if not a.shape == b.shape == last.shape or a.ndim != 1 or a.size == 0:
        raise ValueError(
            f"true, found and sentence_ends must have one entry a letter, got {a.shape}, {b.shape}, {last.shape}"
        )
    if not last[-1]:
        raise ValueError("sentence_ends must be true at the last letter, got false")
    boundaries = _scores((a & b & ~last).sum(), (b & ~last).sum(), (a & ~last).sum())
    a, b = a | last, b | last
    hits = (a & b & (_start(a) == _start(b))).sum()
    return BoundaryScores(*boundaries, *_scores(hits, b.sum(), a.sum()))


def _start(ends: np.ndarray) -> np.ndarray:
    """For each letter, the number of letters before its unit."""
    starts = np.zeros(ends.size, int)
    starts[1:] = np.where(ends[:-1], np.arange(1, ends.size), 0)
    return np.maximum.accumulate(starts)


def _scores(hits: np.integer, found: np.integer, true: np.integer) -> tuple[float, float, float]:
    share = lambda part, whole: float(part / whole) if whole else float("nan")  # noqa: E731
    return share(hits, found), share(hits, true), share(2 * hits, found + true)
