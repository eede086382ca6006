"""How well the chunks of a parse agree with those of another."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Bool, Shaped

__all__ = ["bracket_f1", "spans_of"]


def spans_of(brackets: Sequence[tuple[int, int]], size: int) -> Bool[np.ndarray, "ends ends"]:
    """Brackets as the matrix that :func:`best_tree` returns.

    Parameters
    ----------
    brackets : sequence of pairs of int
        i, j for the words i to j − 1.
    size : int, at least 1
        Words of the (padded) sentence, n.

    Returns
    -------
    bool (n + 1, n + 1)

    Raises
    ------
    ValueError
        If a bracket is not 0 ≤ i < j ≤ n.

    Examples
    --------
    >>> print(spans_of([(0, 2)], 2).astype(int).tolist())
    [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    """
    spans = np.zeros((size + 1, size + 1), bool)
    for i, j in brackets:
        if not 0 <= i < j <= size:
            raise ValueError(f"brackets must be 0 <= i < j <= {size}, got {(i, j)}")
        spans[i, j] = True
    return spans


def bracket_f1(
    predicted: Shaped[Array | np.ndarray, "..."],
    gold: Shaped[Array | np.ndarray, "..."],
    lengths: Shaped[Array | np.ndarray, "..."] | Sequence[int] | int,
) -> float:
    r"""Harmonic mean of precision and recall of the chunks of all sentences together.

    .. math:: F_1=\frac{2\,\lvert P\cap G\rvert}{\lvert P\rvert+\lvert G\rvert}

    Whole sentences and single words, which every parse has, are left out.

    Parameters
    ----------
    predicted, gold : bool (..., n + 1, n + 1)
        Entry i, j: words i to j − 1 are a chunk.
    lengths : int (...,)
        Words of each sentence, at most n.

    Returns
    -------
    float
        From 0 to 1; 1 where neither has any such chunk.

    Raises
    ------
    ValueError
        If the shapes differ, entries are not truth values, or a length is not from 1 to n.

    Notes
    -----
    Chunks have no labels. Every chunk counts once, so that long sentences count more.

    Examples
    --------
    >>> parse, truth = spans_of([(0, 2), (3, 5)], 5), spans_of([(0, 2), (2, 5), (0, 5)], 5)
    >>> print(bracket_f1(parse, truth, 5))
    0.5
    """
    parse, truth, sizes = np.asarray(predicted), np.asarray(gold), np.asarray(lengths)
    if parse.shape != truth.shape or parse.ndim < 2 or parse.shape[:-2] != sizes.shape or parse.shape[-1] < 2:
        shapes = parse.shape, truth.shape, sizes.shape
        raise ValueError(f"predicted and gold must be (..., n + 1, n + 1) and lengths (...,), got {shapes}")
    if parse.dtype != bool or truth.dtype != bool or sizes.dtype.kind not in "iu":
        kinds = parse.dtype, truth.dtype, sizes.dtype
        raise ValueError(f"predicted and gold must hold truth values and lengths integers, got {kinds}")
    n = parse.shape[-1] - 1
    if sizes.size and not (sizes.min() >= 1 and sizes.max() <= n):
        raise ValueError(f"lengths must be from 1 to {n}, got {sizes.min()} to {sizes.max()}")
    i, j = np.ogrid[: n + 1, : n + 1]
    end = sizes[..., None, None]
    counts = (j > i + 1) & (j <= end) & ~((i == 0) & (j == end))
    both, sizes_of_both = (parse & truth & counts).sum(), (parse & counts).sum() + (truth & counts).sum()
    return float(2 * both / sizes_of_both) if sizes_of_both else 1.0
