"""Links between words of a sentence, the paths that they form, and the templates that paths leave behind."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Shaped

from ..._check import square

__all__ = ["Template", "count_paths", "extract_templates", "longest_paths"]


Template = tuple[str | None, ...]
"""Words, and None for each slot."""


def count_paths(adjacency: Shaped[Array | np.ndarray, "..."] | Sequence[Sequence[bool]]) -> int:
    r"""How many maximal paths a graph of links forward has: from a place without links to it, to one without links on.

    .. math:: N_i=\sum_{j:\,i\to j}N_j,\quad N_i=1\text{ where no link leaves }i,\qquad
        N=\sum_{i\text{ not reached}}N_i

    Parameters
    ----------
    adjacency : bool (n, n)
        Entry i, j says that place i is linked to place j > i.

    Returns
    -------
    int
        Exact, of any size. A place without any link is a path of its own.

    Raises
    ------
    ValueError
        If the matrix is not square or not of truth values, or a link leads backwards.

    Notes
    -----
    n² steps, however many paths there are. If all places up to a distance W are linked, the number grows as
    :math:`x^n` with the largest root of :math:`x^W=\sum_{i<W}x^i`.

    Examples
    --------
    >>> import numpy as np
    >>> near = np.array([[0 < j - i <= 5 for j in range(40)] for i in range(40)])
    >>> print(f"{count_paths(near):,}")
    151,367,869,744
    """
    follow = _successors(adjacency)
    paths = [1] * len(follow)
    for i in reversed(range(len(follow))):
        if follow[i]:
            paths[i] = sum(paths[j] for j in follow[i])
    return sum(paths[i] for i in _sources(follow))


def longest_paths(adjacency: Shaped[Array | np.ndarray, "..."] | Sequence[Sequence[bool]]) -> list[list[int]]:
    """From each place without links to it, the path over most places.

    Parameters
    ----------
    adjacency : bool (n, n)
        Entry i, j says that place i is linked to place j > i.

    Returns
    -------
    list of lists of places
        One a source, in order. Of several longest paths the one that takes the nearest next place, from the start on.

    Raises
    ------
    ValueError
        If the matrix is not square or not of truth values, or a link leads backwards.

    Notes
    -----
    n² steps, by dynamic programming from the end.

    Examples
    --------
    >>> links = [[False, True, True, False], [False] * 4, [False, False, False, True], [False] * 4]
    >>> print(longest_paths(links))
    [[0, 2, 3]]
    """
    return _longest(_successors(adjacency))


def extract_templates(
    sentences: Iterable[Sequence[str]],
    linked: Collection[tuple[str, str]],
    window: int,
    min_gap: int = 1,
) -> Counter[Template]:
    """Count the templates of a corpus: words that are linked, in a row, with a slot wherever something stands between.

    Parameters
    ----------
    sentences : iterable of sequences of words
    linked : collection of pairs of words
        Which word may be linked to which later one.
    window, min_gap : int
        Largest and smallest distance of a link, as for :func:`skip_pairs`.

    Returns
    -------
    Counter of templates
        A template is a tuple of words, None for a slot: of the :func:`longest_paths` of a sentence, each path once,
        with a slot before, between and behind where words are left out. A word without links is a path too.

    Raises
    ------
    ValueError
        If there is no sentence with a word, a sentence is a string, or the distances are not 1 ≤ ``min_gap`` ≤
        ``window``.

    Notes
    -----
    ``window`` look-ups a word.

    Examples
    --------
    >>> questions = [["what", "is", "an", "owl"], ["what", "is", "a", "very", "old", "owl"]]
    >>> found = extract_templates(questions, {("what", "is"), ("is", "owl")}, window=5)
    >>> print(found.most_common(1))
    [(('what', 'is', None, 'owl'), 2)]

    References
    ----------
    Su, 最小熵原理（三）, 2018, https://kexue.fm/archives/5577.
    """
    if not 1 <= min_gap <= window:
        raise ValueError(f"window must be at least min_gap, and that at least 1, got {window} and {min_gap}")
    pairs, found = set(linked), Counter[Template]()
    for sentence in sentences:
        if isinstance(sentence, str):
            raise ValueError(f"sentences must be sequences of words, got the string {sentence!r}")
        n = len(sentence)
        reach = [range(i + min_gap, min(i + window + 1, n)) for i in range(n)]
        follow = [[j for j in reach[i] if (sentence[i], sentence[j]) in pairs] for i in range(n)]
        found.update(_template(sentence, path) for path in _longest(follow))
    if not found:
        raise ValueError("sentences must hold at least one word, got none")
    return found


def _template(sentence: Sequence[str], path: list[int]) -> Template:
    template: list[str | None] = []
    for before, place in zip([-1, *path], path, strict=False):
        if place > before + 1:
            template.append(None)
        template.append(sentence[place])
    return tuple(template if path[-1] == len(sentence) - 1 else [*template, None])


def _successors(adjacency: Any) -> list[list[int]]:
    links = np.asarray(adjacency)
    square("adjacency", links)
    if links.dtype != bool:
        raise ValueError(f"adjacency must hold truth values, got {links.dtype}")
    if np.tril(links).any():
        i, j = (int(place) for place in np.argwhere(np.tril(links))[0])
        raise ValueError(f"adjacency must link forwards only, got a link from {i} to {j}")
    return [np.flatnonzero(row).tolist() for row in links]


def _sources(follow: Sequence[Collection[Hashable]]) -> list[int]:
    reached = set().union(*follow)
    return [i for i in range(len(follow)) if i not in reached]


def _longest(follow: list[list[int]]) -> list[list[int]]:
    length, following = [1] * len(follow), [-1] * len(follow)
    for i in reversed(range(len(follow))):
        if follow[i]:
            following[i] = max(follow[i], key=lambda j: length[j])  # max takes the first of several
            length[i] = 1 + length[following[i]]
    paths = []
    for source in _sources(follow):
        path = [source]
        while following[path[-1]] >= 0:
            path.append(following[path[-1]])
        paths.append(path)
    return paths
