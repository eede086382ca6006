"""Reading text with a tagger: the most probable tags among those that can be read as words."""

from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..crf.decoding import crf_viterbi
from ..crf.tags import bmes_grammar

__all__ = ["TaggerSegmenter"]

WIDTH = 256  # characters of a row, unless a text is longer
BLOCK = 2**15  # characters at a time, so that the arrays of a block stay near the cache
E, S = 2, 3


class TaggerSegmenter:
    r"""Divides text into words by the best legal sequence of a tagger's tags.

    .. math:: \arg\max_{y_1\dots y_n\ \text{legal}}\;\sum_tz_t(y_t)

    The tagger reads Chinese characters. Runs of letters and digits are words, every other character stands alone, and
    the tagger sees a gap in their place.

    Parameters
    ----------
    tagger : callable, letters int (n,) -> scores float (n, 4)
        Such as :class:`NGramTagger`. A pytree; in the letters, code points, 0 is a gap.

    Notes
    -----
    Texts of any length: stretches of Chinese characters are packed into rows of 256, longer ones into longer rows, and
    none is ever cut. Compiles for two numbers of rows, and once more for each doubling of the longest stretch.

    Examples
    --------
    >>> def longer_is_better(letters):  # B and E, twice as good as S, and M at no price
    ...     return jnp.tile(jnp.array([2.0, 0.0, 2.0, 1.0]), (len(letters), 1))
    >>> read = TaggerSegmenter(longer_is_better)
    >>> read.segment("图书馆2026年!")  # a library, the year 2026
    ['图', '书馆', '2026', '年', '!']
    """

    def __init__(self, tagger: Callable[[Int[Array, " n"]], Float[Array, "n 4"]]) -> None:
        self.tagger = tagger

    def segment(self, text: str) -> list[str]:
        """The words of one text; an empty text has none.

        Parameters
        ----------
        text : str

        Returns
        -------
        list of str
        """
        return self.segment_all([text])[0]

    def segment_all(self, texts: Iterable[str]) -> list[list[str]]:
        """The words of each of many texts. They do not depend on what stands beside it.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        list of lists of str

        Raises
        ------
        TypeError
            If ``texts`` is a single string.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings: for a single one there is segment")
        texts = list(texts)
        if not texts:
            return []
        text = "\0".join([*texts, ""])
        stops = np.flatnonzero(self._word_ends(text)) + 1
        bounds = stops.tolist()
        words = [text[a:b] for a, b in zip([0, *bounds], bounds, strict=False)]
        after = np.cumsum([len(text) + 1 for text in texts])  # the gap after a text is a word, and is left out
        cuts = np.searchsorted(stops, after).tolist()
        return [words[a:b] for a, b in zip([0, *(cut + 1 for cut in cuts)], cuts, strict=False)]

    def _word_ends(self, text: str) -> Bool[np.ndarray, " characters"]:
        """Whether a word ends with each character; the last one is a gap."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
        kinds = np.zeros(0x110000, np.int8)
        for character in set(text):
            kinds[ord(character)] = 2 if _is_chinese(character) else character.isalnum()
        kind = kinds[codes]
        letters = np.where(kind == 2, codes, 0)
        is_end = np.ones(len(codes), bool)
        is_end[:-1] = (kind[:-1] != 1) | (kind[1:] != 1)
        for place in _rows(np.flatnonzero(letters == 0)):
            found = np.asarray(_ends(self.tagger, jnp.asarray(np.where(place < 0, 0, letters[place]))))
            is_read = (place >= 0) & (letters[place] > 0)
            is_end[place[is_read]] = found[is_read]
        return is_end


def _is_chinese(character: str) -> bool:
    code = ord(character)
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF or character in "々〇"


def _rows(gaps: Int[np.ndarray, " gaps"]) -> Iterable[Int[np.ndarray, "rows width"]]:
    """The places of stretches between gaps, row by row, each with the gap at its end; −1 fills up."""
    starts, stops, stop = [], [], 0
    while stop <= gaps[-1]:
        starts.append(stop)
        last = max(np.searchsorted(gaps, stop + WIDTH) - 1, np.searchsorted(gaps, stop))
        stops.append(stop := int(gaps[last]) + 1)
    start, length = np.array(starts), np.array(stops) - starts
    widths = WIDTH * 2 ** np.ceil(np.log2(np.maximum(length / WIDTH, 1))).astype(int)
    for width in np.unique(widths):
        of_width, many = np.flatnonzero(widths == width), max(BLOCK // int(width), 1)
        for block in range(0, len(of_width), many):
            rows = of_width[block : block + many]
            place = np.full((many if len(rows) > 8 else min(many, 8), int(width)), -1)
            column = np.arange(width)
            place[: len(rows)] = np.where(column < length[rows, None], start[rows, None] + column, -1)
            yield place


@eqx.filter_jit
def _ends(tagger: Any, letters: Int[Array, "rows width"]) -> Bool[Array, "rows width"]:
    grammar = bmes_grammar()
    transitions, start, end = (jnp.where(jnp.asarray(legal), 0.0, -jnp.inf) for legal in grammar)

    def of_row(letters: Array) -> Array:
        is_gap = (letters == 0)[:, None]  # a word by itself
        scores = jnp.where(is_gap, jnp.array([[-jnp.inf, -jnp.inf, -jnp.inf, 0.0]]), tagger(letters))
        return crf_viterbi(scores, transitions, start=start, end=end)[0]

    tags = jax.vmap(of_row)(letters)
    return (tags == E) | (tags == S)
