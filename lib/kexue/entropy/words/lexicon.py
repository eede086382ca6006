"""Which words a lexicon can do without: those that its shorter words spell almost as cheaply."""

from collections import defaultdict
from collections.abc import Mapping
from math import log
from typing import Any

import numpy as np

from .segmenter import UnigramSegmenter

__all__ = ["prune_redundant"]

RULES = ("one", "length", "price")


def prune_redundant(lexicon: Mapping[str, Any], rule: str = "one") -> dict[str, int]:
    r"""From the longest words down, drop a word that its best reading by shorter words nearly replaces.

    The word w saves :math:`\ln p_w-\sum_k\ln p_{w_k}` nats each time it is used, where :math:`w_1w_2\dots` is the reading
    of least information. It is kept if this is more than

    - ``"one"``: 1 nat, what a merge costs;
    - ``"length"``: :math:`l_w-1` nats, with :math:`l_w` its number of characters, a nat for each seam;
    - ``"price"``: :math:`(l_w+1)\ln V/c_w` nats, that is, if all its uses together save more than spelling it costs
      once, in an alphabet of V characters.

    The count of a dropped word goes to the words of its reading.

    Parameters
    ----------
    lexicon : mapping from word to count, whole numbers of at least 1
    rule : {"one", "length", "price"}

    Returns
    -------
    dict
        From word to count: the kept words, longest first, then the single characters, all of which are kept. Those
        that were no word of the lexicon and were needed for a reading are among them.

    Raises
    ------
    ValueError
        If the lexicon has no word or an empty one, a count is no whole number of at least 1, or the rule is unknown.

    Notes
    -----
    Words of one length do not depend on each other: they are read at once, and each length takes one segmenter. Shares
    are of the total count as it stands when the turn of the length comes.

    Examples
    --------
    >>> lexicon = {"新的发展": 6, "新": 40, "的": 300, "发展": 50, "发": 9, "展": 3}  # new · of · development
    >>> print(prune_redundant(lexicon, "length"))  # 新的发展 is no word: its parts meet by chance
    {'发展': 56, '新': 46, '的': 306, '发': 9, '展': 3}

    References
    ----------
    Su, 最小熵原理（二）, 2018, https://kexue.fm/archives/5476 (the first rule; the second is that of its program).
    """
    if rule not in RULES:
        raise ValueError(f"rule={rule!r} is not allowed: it must be one of {', '.join(map(repr, RULES))}")
    if not lexicon:
        raise ValueError("lexicon must hold at least one word, got none")
    of_length: dict[int, dict[str, int]] = defaultdict(dict)
    for word, count in lexicon.items():
        if not word or not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"lexicon must hold words with whole numbers of at least 1, got {word!r} with {count!r}")
        of_length[len(word)][word] = int(count)
    log_v = log(len(set("".join(lexicon))))
    kept: dict[str, int] = {}
    for length in sorted(of_length, reverse=True):
        if length == 1:
            break
        words, total = of_length[length], sum(kept.values()) + sum(sum(some.values()) for some in of_length.values())
        shorter = {word: count for k, some in of_length.items() if k < length for word, count in some.items()}
        parts_of = _readings(list(words), shorter, total)
        for (word, count), parts in zip(words.items(), parts_of, strict=True):
            information = sum(log(total / shorter.get(part, 1)) for part in parts)
            threshold = {"one": 1.0, "length": length - 1.0, "price": (length + 1) * log_v / count}[rule]
            if information - log(total / count) > threshold:
                kept[word] = count
            else:
                for part in parts:
                    of_length[len(part)][part] = of_length[len(part)].get(part, 0) + count
        of_length[length] = {}
    return kept | of_length[1]


def _readings(words: list[str], shorter: dict[str, int], total: int) -> list[list[str]]:
    if not shorter:
        return [list(word) for word in words]
    return UnigramSegmenter(shorter, total=total).segment_all(words)
