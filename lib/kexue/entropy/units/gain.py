"""What a text gains in brevity when two neighbouring units become one."""

import jax.numpy as jnp
from jax.scipy.special import xlog1py, xlogy
from jaxtyping import Array, ArrayLike, Float

__all__ = ["merge_gain", "merge_gain_approx", "merge_gain_equal"]


def merge_gain(p_ab: ArrayLike, p_a: ArrayLike, p_b: ArrayLike) -> Float[Array, "..."]:
    r"""By how much the cost per letter falls if the neighbours :math:`ab` become one unit everywhere.

    .. math:: \mathcal F_{ab}=p_{ab}\ln\frac{p_{ab}}{p_ap_b}-(1-p_{ab})\ln(1-p_{ab})
        +\sum_{i=a,b}(p_i-p_{ab})\ln\Big(1-\frac{p_{ab}}{p_i}\Big)

    The cost is :math:`\mathcal L=\mathcal H/\bar l`, the entropy of the units over their mean length, and it falls by
    exactly :math:`\mathcal F_{ab}/\bar l`, where :math:`\bar l` is the mean length before.

    Parameters
    ----------
    p_ab : float array in [0, min(p_a, p_b)]
        Pairs that are merged over the number of *units*, not of pairs: the identity needs one total.
    p_a, p_b : float arrays in (0, 1]
        Shares of the two units, which must be different: for a pair :math:`aa` see :func:`merge_gain_equal`.

    Returns
    -------
    float array, in nats
        Of the broadcast shape. Negative where merging costs more than it saves; NaN outside the ranges.

    Notes
    -----
    Elementwise. Where the pair always occurs together, p_ab = p_a, the last terms are their limits, 0.

    Examples
    --------
    >>> print(f"{merge_gain(0.02, 0.04, 0.05):.4f} nats")
    0.0367 nats

    References
    ----------
    Redlich, "Redundancy reduction as a strategy for unsupervised learning", 1993 (the measure).
    """
    p_ab, p_a, p_b = _floats(p_ab, p_a, p_b)
    parts = sum(xlog1py(p - p_ab, -p_ab / p) for p in (p_a, p_b))
    return xlogy(p_ab, p_ab / (p_a * p_b)) - xlog1py(1 - p_ab, -p_ab) + parts


def merge_gain_approx(p_ab: ArrayLike, p_a: ArrayLike, p_b: ArrayLike) -> Float[Array, "..."]:
    r"""The same for rare pairs: the share of the pair times its pointwise mutual information less one nat.

    .. math:: \mathcal F^*_{ab}=p_{ab}\Big(\ln\frac{p_{ab}}{p_ap_b}-1\Big)\le\mathcal F_{ab}

    Parameters
    ----------
    p_ab, p_a, p_b : float arrays
        As for :func:`merge_gain`.

    Returns
    -------
    float array, in nats
        Never above :func:`merge_gain`.

    Examples
    --------
    >>> print(f"{merge_gain_approx(0.02, 0.04, 0.05):.4f} nats")
    0.0261 nats

    References
    ----------
    Su, 最小熵原理（二）, 2018, https://kexue.fm/archives/5476.
    """
    p_ab, p_a, p_b = _floats(p_ab, p_a, p_b)
    return xlogy(p_ab, p_ab / (p_a * p_b)) - p_ab


def merge_gain_equal(p_aa: ArrayLike, p_a: ArrayLike) -> Float[Array, "..."]:
    r"""The gain of joining a unit with itself, which uses up two of one kind.

    .. math:: \mathcal F_{aa}=p_{aa}\ln\frac{p_{aa}}{p_a^2}-(1-p_{aa})\ln(1-p_{aa})
        +(p_a-2p_{aa})\ln\Big(1-\frac{2p_{aa}}{p_a}\Big)

    As for different units, the cost per letter falls by exactly :math:`\mathcal F_{aa}/\bar l`.

    Parameters
    ----------
    p_aa : float array in [0, p_a / 2]
        Pairs that are merged, from the left and without overlap, over the number of units: three in a row are one pair.
    p_a : float array in (0, 1]
        Share of the unit.

    Returns
    -------
    float array, in nats
        Of the broadcast shape; NaN outside the ranges.

    Examples
    --------
    >>> print(f"{merge_gain_equal(0.01, 0.04):.4f} nats")
    0.0144 nats
    """
    p_aa, p_a = _floats(p_aa, p_a)
    return xlogy(p_aa, p_aa / p_a**2) - xlog1py(1 - p_aa, -p_aa) + xlog1py(p_a - 2 * p_aa, -2 * p_aa / p_a)


def _floats(*shares: ArrayLike) -> list[Array]:
    """Of one shape and one type, the widest among the arrays."""
    dtype = jnp.result_type(float, *shares)
    return jnp.broadcast_arrays(*(jnp.asarray(share, dtype) for share in shares))
