"""Words as tags of their characters: B begins a word, M goes on, E ends it, S is a word by itself."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

__all__ = ["BMES", "TagGrammar", "bmes_grammar", "bmes_tags", "bmes_words"]

BMES = "BMES"
"""The four tags; their numbers are their places: B is 0, M is 1, E is 2, S is 3."""
B, M, E, S = range(4)


class TagGrammar(NamedTuple):
    """Which tag sequences can be read as words: what ``LinearChainCRF`` takes as its constraints."""

    legal: Bool[np.ndarray, "4 4"]
    """Whether the column's tag may follow the row's."""
    legal_start: Bool[np.ndarray, " 4"]
    """Whether a sequence may begin with a tag."""
    legal_end: Bool[np.ndarray, " 4"]
    """Whether it may end with it."""


def bmes_grammar() -> TagGrammar:
    """The eight legal steps between B, M, E and S: within a word after B and M, to a new word after E and S.

    Returns
    -------
    TagGrammar
        ``legal`` (4, 4), ``legal_start`` (4,), ``legal_end`` (4,), in the order B, M, E, S.

    Examples
    --------
    >>> from kexue.language import bmes_grammar
    >>> print(bmes_grammar().legal.astype(int).tolist())
    [[0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1]]
    """
    is_open, is_new = np.isin(range(4), [B, M]), np.isin(range(4), [B, S])  # a word goes on after; a word begins with
    return TagGrammar(is_open[:, None] != is_new[None], is_new, ~is_open)


def bmes_tags(words: Sequence[str]) -> Int[np.ndarray, " characters"]:
    """The tags of the characters of a sentence that is divided into words.

    Parameters
    ----------
    words : sequence of non-empty str

    Returns
    -------
    int32 (characters,)
        0 B, 1 M, 2 E, 3 S.

    Raises
    ------
    ValueError
        If a word is empty, or ``words`` is one string.

    Examples
    --------
    >>> from kexue.language import bmes_tags
    >>> print(bmes_tags(["我", "喜欢", "图书馆"]))
    [3 0 2 0 1 2]
    """
    if isinstance(words, str) or not all(words):
        raise ValueError(f"words must be a sequence of words that are not empty, got {words!r}")
    tags = [tag for word in words for tag in ([S] if len(word) == 1 else [B, *[M] * (len(word) - 2), E])]
    return np.array(tags, np.int32)


def bmes_words(text: str, tags: Sequence[int] | Int[np.ndarray, " characters"]) -> list[str]:
    """The words of tagged characters. An illegal sequence is cut after each E and S and before each B and S.

    Parameters
    ----------
    text : str
    tags : int (characters,)
        One for each character. More are allowed if they are negative, as decoders fill up.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If the tags are not as many as the characters, or none of 0, 1, 2, 3.

    Examples
    --------
    >>> from kexue.language import bmes_words
    >>> print(bmes_words("我喜欢图书馆", [3, 0, 2, 0, 1, 2]))
    ['我', '喜欢', '图书馆']
    """
    known = np.asarray(tags)
    if known.ndim != 1 or len(known) < len(text) or (known[len(text) :] >= 0).any():
        raise ValueError(f"tags must be one for each of the {len(text)} characters, got shape {known.shape}")
    known = known[: len(text)]
    if not np.isin(known, range(4)).all():
        raise ValueError(f"tags must be 0, 1, 2 or 3, got {known.tolist()}")
    cuts = np.flatnonzero(np.isin(known[:-1], [E, S]) | np.isin(known[1:], [B, S])) + 1
    edges = [0, *cuts.tolist(), len(text)]
    return [text[a:b] for a, b in pairwise(edges) if a < b]
