"""How firmly neighbours hold together: pointwise mutual information, its weakest seam, and how free the outside is."""

import numpy as np
from jaxtyping import Float, Int

from .counts import NGrams, Numbers

__all__ = ["branching_entropy", "multisplit_pmi", "pmi"]


def pmi(joint: Numbers, first: Numbers, second: Numbers, total: int) -> Float[np.ndarray, "..."]:
    r"""Pointwise mutual information of neighbours, in nats, from counts.

    .. math:: \ln\frac{p_{ab}}{p_ap_b}=\ln\frac{N\,c_{ab}}{c_a\,c_b}

    Parameters
    ----------
    joint, first, second : int arrays, at least 0
        How often the pair occurs, and each of its parts; broadcast against each other.
    total : int, at least 1
        N, by which all three are divided to give shares.

    Returns
    -------
    float64 array
        Minus infinity where the pair does not occur.

    Raises
    ------
    ValueError
        If a count is no whole number or negative, a pair occurs more often than one of its parts, a part more often
        than ``total``.

    Notes
    -----
    Elementwise. A pair that was seen once between two words that were seen once has the largest value of all,
    :math:`\ln N`: take it together with a minimum count.

    Examples
    --------
    >>> print(pmi([40, 1], [50, 50], [40, 100], total=1000).round(3))
    [ 2.996 -1.609]

    References
    ----------
    Church and Hanks, "Word association norms, mutual information, and lexicography", 1990.
    """
    counts = [np.asarray(values) for values in (joint, first, second, total)]
    for name, values in zip(("joint", "first", "second", "total"), counts, strict=True):
        if not np.issubdtype(values.dtype, np.integer) or (values < 0).any():
            raise ValueError(f"{name} must hold whole numbers of at least 0, got {values}")
    c_ab, c_a, c_b, N = counts
    if N.ndim or N < 1 or (c_a > N).any() or (c_b > N).any():
        raise ValueError(f"total must be one number, at least 1 and the count of any part, got {N}")
    if (c_ab > c_a).any() or (c_ab > c_b).any():
        raise ValueError("joint must not exceed the counts of its parts, and does so for some pair")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(c_ab > 0, np.log(c_ab / c_a * (N / c_b)), -np.inf)


def multisplit_pmi(grams: NGrams, n: int) -> Float[np.ndarray, " grams"]:
    r"""The weakest seam of every n-gram: the smallest PMI over its n − 1 divisions into two parts.

    .. math:: \min_{1\le j<n}\ln\frac{N\,c(w)}{c(w_{1..j})\,c(w_{j+1..n})}

    Parameters
    ----------
    grams : NGrams
        As :func:`ngram_counts` returns them.
    n : int, 2 to the order

    Returns
    -------
    float64 (grams,)
        In nats, in the order of ``grams.counts(n)``.

    Raises
    ------
    ValueError
        If ``n`` is out of range.

    Notes
    -----
    2 (n − 1) look-ups a gram. For n = 2 it is the PMI of the pair.

    Examples
    --------
    >>> from kexue.entropy import ngram_counts
    >>> grams = ngram_counts([0, 1, 2, -1, 0, 1, 2, -1, 3, 2, -1, 3, 1], order=3)
    >>> print(grams.grams(3).tolist(), multisplit_pmi(grams, 3).round(3))  # 0 · 12 or 01 · 2, whichever is weaker
    [[0, 1, 2]] [1.204]

    References
    ----------
    Su, 更好的新词发现算法, 2019, https://kexue.fm/archives/6920.
    """
    if not 2 <= n <= grams.order:
        raise ValueError(f"n must be from 2 to the order of the grams, {grams.order}, got {n}")
    symbols, whole = grams.grams(n), grams.counts(n)
    seams = []
    for j in range(1, n):
        left, right = grams.find(symbols[:, :j]), grams.find(symbols[:, j:])
        seams.append(pmi(whole, grams.counts(j)[left], grams.counts(n - j)[right], grams.total))
    return np.min(seams, axis=0)


def branching_entropy(grams: NGrams, n: int) -> tuple[Float[np.ndarray, " grams"], Float[np.ndarray, " grams"]]:
    r"""How uncertain the symbol before each n-gram is, and the symbol after it, in nats.

    .. math:: H_{\text{right}}(w)=-\sum_xp(x\mid w)\ln p(x\mid w),\qquad p(x\mid w)=\frac{c(wx)}{c(w)}

    What stands freely in a text meets many neighbours on both sides; a fragment of a word meets one.

    Parameters
    ----------
    grams : NGrams
        As :func:`ngram_counts` returns them, of order n + 1 at least.
    n : int, 1 to the order minus one

    Returns
    -------
    (float64 (grams,), float64 (grams,))
        Left and right, in the order of ``grams.counts(n)``. The ends of sentences count as one symbol, together with
        all neighbours that fell below the minimum count.

    Raises
    ------
    ValueError
        If ``n`` is out of range.

    Examples
    --------
    >>> from kexue.entropy import ngram_counts
    >>> left, right = branching_entropy(ngram_counts([0, 1, 2, 0, 1, 3, 0, 1, 3], order=2), 1)
    >>> print(left.round(3), right.round(3))  # after 1: once 2, twice 3
    [1.099 0.    0.    0.   ] [0.    0.637 0.    0.693]

    References
    ----------
    Jin and Tanaka-Ishii, "Unsupervised segmentation of Chinese text by use of branching entropy", 2006.
    """
    if not 1 <= n < grams.order:
        raise ValueError(f"n must be from 1 to the order of the grams minus one, {grams.order - 1}, got {n}")
    return _entropy(grams, n, grams.suffixes(n + 1)), _entropy(grams, n, grams.prefixes(n + 1))


def _entropy(grams: NGrams, n: int, inside: Int[np.ndarray, " longer"]) -> Float[np.ndarray, " grams"]:
    """Ln c − Σ c_x ln c_x / c, where the c_x add up to c once the rest is one of them."""
    counts, longer = grams.counts(n), grams.counts(n + 1)
    rest = counts - np.bincount(inside, longer, len(counts))
    weighted = np.bincount(inside, longer * np.log(longer), len(counts)) + rest * np.log(np.maximum(rest, 1))
    return np.maximum(np.log(counts) - weighted / counts, 0.0)
