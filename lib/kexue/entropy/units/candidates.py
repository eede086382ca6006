"""Which substrings a text has often enough to be units of it."""

from collections.abc import Sequence

from ..._check import at_least_one
from ..words.counts import character_ids, ngram_counts

__all__ = ["candidate_units"]


def candidate_units(texts: Sequence[str], max_length: int, min_count: int = 2) -> list[str]:
    """All substrings up to a length that occur often enough, and all letters, whatever their number.

    Parameters
    ----------
    texts : sequence of str
        Sentences without spaces. No unit goes beyond a sentence.
    max_length : int, at least 1
        Letters of the longest.
    min_count : int, at least 1

    Returns
    -------
    list of str
        From short to long, in alphabetical order among those of one length.

    Raises
    ------
    ValueError
        If there is no letter, ``texts`` is one string, a text holds a line feed, or a number is below 1.

    Notes
    -----
    One sort of all letters for every dozen lengths of 26 letters: see :func:`ngram_counts`.

    Examples
    --------
    >>> candidate_units(["banana"], 3)
    ['a', 'b', 'n', 'an', 'na', 'ana']
    """
    at_least_one("max_length", max_length)
    at_least_one("min_count", min_count)
    ids, alphabet = character_ids(texts)
    grams, units = ngram_counts(ids, max_length, min_count=min_count), list(alphabet)
    for n in range(2, max_length + 1):
        text = "".join(map(alphabet.__getitem__, grams.grams(n).ravel().tolist()))
        units += [text[i : i + n] for i in range(0, len(text), n)]
    return units
