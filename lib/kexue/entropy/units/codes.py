"""Prices in bits: of a symbol, of a letter, and of a text together with the code book that it is written in."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy
from jaxtyping import Array, ArrayLike, Float

from ..._check import at_least_one, floating, not_negative, require

__all__ = ["TwoPartCode", "cost_per_letter", "entropy_bits", "two_part_code"]


def entropy_bits(counts: ArrayLike | Sequence, axis: int = -1) -> Float[Array, "..."]:
    r"""Mean price of a symbol, :math:`\mathcal H=-\sum_ip_i\log_2p_i`, where :math:`p` are the shares of the counts.

    Parameters
    ----------
    counts : array, at least 0
        How often each symbol occurs: integers, or expected counts, or shares; what counts is their proportion.
    axis : int
        Along which the symbols stand.

    Returns
    -------
    float array
        In bits a symbol, between 0 and the log of the number of symbols; NaN where all counts are 0.

    Raises
    ------
    ValueError
        If a count is negative or not finite, or there is no symbol.

    Notes
    -----
    From a sample, the entropy of the source is underestimated, the more the fewer counts a symbol has.

    Examples
    --------
    >>> print(entropy_bits([2, 1, 1]))
    1.5

    References
    ----------
    Shannon, "A mathematical theory of communication", 1948.
    """
    counts = _counts("counts", counts, axis)
    total = counts.sum(axis=axis)
    return jnp.log2(total) - xlogy(counts, counts).sum(axis=axis) / (total * np.log(2).astype(counts.dtype))


def cost_per_letter(counts: ArrayLike | Sequence, lengths: ArrayLike | Sequence) -> Float[Array, "..."]:
    r"""Mean price of a letter when units are the symbols, :math:`\mathcal L=\mathcal H/\bar l`.

    Parameters
    ----------
    counts : array (..., units), at least 0
        How often each unit is used.
    lengths : array (units,), above 0
        Letters of each unit.

    Returns
    -------
    float array (...)
        In bits a letter. It has a trivial minimum: one unit for the whole text costs nothing.

    Raises
    ------
    ValueError
        If a count is negative, a length is not positive, the two do not fit, or there is no unit.

    Examples
    --------
    >>> print(cost_per_letter([2, 1, 1], [1, 2, 4]))
    0.75
    """
    counts, lengths = _units(counts, lengths)
    return entropy_bits(counts) * counts.sum(-1) / (counts * lengths).sum(-1)


class TwoPartCode(NamedTuple):
    """Bits a letter of a text and of the lexicon that it is written in."""

    text: Float[Array, "..."]
    """Bits a letter of the text."""
    lexicon: Float[Array, "..."]
    """Bits a letter of the lexicon."""

    @property
    def total(self) -> Float[Array, "..."]:
        """Their sum, the description length."""
        return self.text + self.lexicon


def two_part_code(
    counts: ArrayLike | Sequence, lengths: ArrayLike | Sequence, alphabet: int, price: ArrayLike = 1.0
) -> TwoPartCode:
    r"""The description length of a text: its units at their entropy, and each unit in use spelled out once.

    .. math:: \mathcal D=\frac1n\Big[N\mathcal H+\lambda\sum_{u:\,c_u>0}(l_u+1)\log_2(A+1)\Big]

    with N units, n letters, an alphabet of A letters and one sign more, which ends a spelling.

    Parameters
    ----------
    counts : array (..., units), at least 0
        How often each unit is used; those with 0 are not in the lexicon.
    lengths : array (units,), above 0
        Letters of each unit.
    alphabet : int, at least 1
        Number of different letters, A.
    price : float, at least 0
        The factor λ; 1 is the honest code.

    Returns
    -------
    TwoPartCode
        ``text``, ``lexicon`` and their sum ``total``, in bits a letter. What the counts themselves cost, half a
        logarithm of N for each unit, is left out.

    Raises
    ------
    ValueError
        As :func:`cost_per_letter`, and if ``alphabet`` is below 1 or ``price`` negative.

    Examples
    --------
    >>> code = two_part_code([2, 1, 1], [1, 2, 4], alphabet=3)
    >>> print(f"{code.text:.2f} + {code.lexicon:.2f} bits a letter")
    0.75 + 2.50 bits a letter

    References
    ----------
    Rissanen, "Modeling by shortest data description", 1978.
    """
    at_least_one("alphabet", alphabet)
    not_negative("price", price)
    counts, lengths = _units(counts, lengths)
    letters = (counts * lengths).sum(-1)
    spelling = jnp.where(counts > 0, lengths + 1, 0).sum(-1) * np.log2(alphabet + 1).astype(counts.dtype)
    text = entropy_bits(counts) * counts.sum(-1) / letters
    return TwoPartCode(text, jnp.asarray(price, counts.dtype) * spelling / letters)


def _units(counts: ArrayLike | Sequence, lengths: ArrayLike | Sequence) -> tuple[Array, Array]:
    counts = _counts("counts", counts, -1)
    if not isinstance(lengths, jax.Array):
        lengths = np.asarray(lengths)
        require("lengths", lengths, "positive and finite", lambda v: (v > 0) & np.isfinite(v))
    lengths = jnp.asarray(floating(lengths), counts.dtype)
    if lengths.shape != counts.shape[-1:]:
        raise ValueError(f"lengths must have one entry a unit, shape {counts.shape[-1:]}, got {lengths.shape}")
    return counts, jnp.broadcast_to(lengths, counts.shape)


def _counts(name: str, counts: ArrayLike | Sequence, axis: int) -> Array:
    if not isinstance(counts, jax.core.Tracer):
        known = np.asarray(counts)
        if known.ndim == 0 or known.shape[axis] == 0:
            raise ValueError(f"{name} must hold at least one symbol, got shape {known.shape}")
        bad = ~((known >= 0) & np.isfinite(known))
        if bad.any():
            raise ValueError(f"{name} must be at least 0 and finite, got {known[bad].ravel()[0]}")
    return floating(counts)
