"""A table of squares as the product of a row and a column: the closest one, and how far it is."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._check import floating

__all__ = ["factor_second_moment", "mutual_information"]


def factor_second_moment(table: Any) -> tuple[Float[Array, "*batch m"], Float[Array, "*batch n"]]:
    r"""The product of two vectors that is closest to a table of nonnegative numbers.

    .. math:: &a_i=\sum_jc_{ij},\\
              &b_j=\frac{\sum_ic_{ij}}{\sum_{ij}c_{ij}}

    They minimise the generalised Kullback-Leibler divergence

    .. math:: D(c\,\Vert\,ab^\top)=\sum_{ij}\Big(c_{ij}\ln\frac{c_{ij}}{a_ib_j}-c_{ij}+a_ib_j\Big)

    and :math:`ab^\top` has the row and column sums of the table.

    Parameters
    ----------
    table : (..., m, n), at least 0
        :math:`c`, with a positive sum; leading axes hold separate tables. Integers and lists are taken as floats.

    Returns
    -------
    row : float (..., m)
        :math:`a`.
    column : float (..., n)
        :math:`b`, which sums to one.

    Raises
    ------
    ValueError
        If ``table`` has fewer than two axes, an entry that is negative, infinite or not a number, or the sum zero.
        (Under ``jit`` only the first is checked.)

    Notes
    -----
    Time: two passes over the table. Memory: :math:`m+n` numbers.

    Examples
    --------
    >>> row, column = factor_second_moment([[3.0, 1.0], [1.0, 3.0]])
    >>> print(jnp.outer(row, column))
    [[2. 2.]
     [2. 2.]]

    References
    ----------
    Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, arXiv:1804.04235, section 3.
    """
    c = _table(table)
    column = jnp.sum(c, -2)
    return jnp.sum(c, -1), column / jnp.sum(column, -1, keepdims=True)


def mutual_information(table: Any) -> Float[Array, "*batch"]:
    r"""How far a table of nonnegative numbers is from every product of two vectors, in nats.

    .. math:: I=\sum_{ij}p_{ij}\ln\frac{p_{ij}}{p_{i\cdot}\,p_{\cdot j}},\qquad p_{ij}=\frac{c_{ij}}{\sum_{kl}c_{kl}}

    The smallest divergence of :func:`factor_second_moment` is :math:`I\sum_{ij}c_{ij}`. It is zero exactly for tables
    of rank one, and does not change when the table is multiplied by a number.

    Parameters
    ----------
    table : (..., m, n), at least 0
        As in :func:`factor_second_moment`.

    Returns
    -------
    float (...)
        At least 0 up to rounding, at most the logarithm of the shorter side.

    Raises
    ------
    ValueError
        As in :func:`factor_second_moment`.

    Notes
    -----
    Time: a logarithm an entry.

    Examples
    --------
    >>> print(mutual_information([[1, 0], [0, 1]]).round(4))  # ln 2: the row says everything about the column
    0.6931

    References
    ----------
    Cover and Thomas, "Elements of information theory", 2nd edition, 2006, section 2.3.
    """
    c = _table(table)
    p = c / jnp.max(c, (-2, -1), keepdims=True)  # before the sum, which would overflow or vanish in float32
    p = p / jnp.sum(p, (-2, -1), keepdims=True)
    independent = jnp.sum(p, -1, keepdims=True) * jnp.sum(p, -2, keepdims=True)
    # The terms −p + q add up to zero. With them no term is negative, and none is a difference of larger ones.
    return jnp.sum(jax.scipy.special.kl_div(p, independent), (-2, -1))


def _table(table: Any) -> Array:
    c = floating(table)
    if c.ndim < 2:
        raise ValueError(f"table must have rows and columns, got shape {c.shape}")
    if not isinstance(c, jax.core.Tracer):
        values = np.asarray(c)
        if not (np.all(values >= 0) and np.all(np.isfinite(values))):
            raise ValueError("table must hold finite numbers of at least 0")
        if values.size == 0 or not np.all(values.max((-2, -1)) > 0):
            raise ValueError(f"table must have a positive sum, got zero, shape {c.shape}")
    return c
