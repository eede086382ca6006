"""What a text gains in brevity when two neighbouring units become one."""

import jax.numpy as jnp
from jax.scipy.special import xlog1py, xlogy
from jaxtyping import Array, ArrayLike, Float

__all__ = ["merge_gain", "merge_gain_approx"]


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
        Shares of the two units, which must be different: a pair :math:`aa` uses up two of one kind.

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


def _floats(*shares: ArrayLike) -> list[Array]:
    """Of one shape and one type, the widest among the arrays."""
    dtype = jnp.result_type(float, *shares)
    return jnp.broadcast_arrays(*(jnp.asarray(share, dtype) for share in shares))
