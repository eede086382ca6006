"""Products of matrices in two semirings: what makes a recursion along a chain a tree."""

from jaxtyping import Array, Float

from ..._check import floating
from ..._semirings import LOG, MAX, Semiring
from ._chain import Numbers

__all__ = ["log_matmul", "max_matmul"]


def log_matmul(a: Numbers, b: Numbers) -> Float[Array, "*batch rows columns"]:
    r"""The product of matrices of logarithms, :math:`(A\otimes B)_{ij}=\log\sum_le^{A_{il}+B_{lj}}`.

    Associative: :math:`M_1\otimes\dots\otimes M_{n}` may be bracketed as a tree, or scanned by
    ``jax.lax.associative_scan``.

    Parameters
    ----------
    a, b : float (..., rows, inner) and (..., inner, columns)
        Leading axes broadcast. −inf is a logarithm of zero.

    Returns
    -------
    float (..., rows, columns)
        −inf, with a gradient of zero, where no path leads from row to column.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    rows · inner · columns exponentials: exact for any range of entries.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from kexue.language import log_matmul
    >>> once = jnp.array([[0, 0], [0, -jnp.inf]])  # 1 may not follow 1
    >>> print(jnp.exp(log_matmul(once, once)).round(3).tolist())
    [[2.0, 1.0], [1.0, 1.0]]
    """
    return _matmul(LOG, a, b)


def max_matmul(a: Numbers, b: Numbers) -> Float[Array, "*batch rows columns"]:
    r"""The product with the best path in place of the sum, :math:`(A\otimes B)_{ij}=\max_l(A_{il}+B_{lj})`.

    Its gradient marks one best path: the first of several equal ones.

    Parameters
    ----------
    a, b : float (..., rows, inner) and (..., inner, columns)
        As for :func:`log_matmul`.

    Returns
    -------
    float (..., rows, columns)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from kexue.language import max_matmul
    >>> print(max_matmul([[0, 3], [1, 1]], [[2, 0], [0, 0]]).tolist())
    [[3.0, 3.0], [3.0, 1.0]]
    """
    return _matmul(MAX, a, b)


def _matmul(semiring: Semiring, a: Numbers, b: Numbers) -> Array:
    a, b = floating(a), floating(b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2] or 0 in (*a.shape[-2:], b.shape[-1]):
        raise ValueError(f"a and b must be matrices that fit, got shapes {a.shape} and {b.shape}")
    return semiring.sum(semiring.times(a[..., :, :, None], b[..., None, :, :]), -2)
