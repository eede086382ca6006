"""Layers that lose nothing: matrices with orthonormal columns, and an activation that only sorts."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from ..._check import at_least_one

__all__ = ["group_sort", "orthonormalize"]


def orthonormalize(w: Num[Array, "..."], iterations: int = 8) -> Float[Array, "rows columns"]:
    r"""Move all singular values of a matrix to one, by Björck's iteration.

    Also known as Björck (Bjorck) orthonormalization.

    .. math:: W\leftarrow\tfrac12\,W\big(3I-W^\top W\big),\qquad
              \sigma\leftarrow\tfrac12\sigma\,(3-\sigma^2)

    It is started at :math:`W/\lVert(W^\top W)^2\rVert_F^{1/4}`, whose norm is at most one and, for :math:`n` columns,
    at least :math:`n^{-1/8}`. From below, :math:`\sigma` grows by 3/2 a step until it is near one, and then converges
    quadratically; it never passes one.

    Parameters
    ----------
    w : float (rows, columns)
        Of full rank; a zero singular value stays zero.
    iterations : int, at least 1

    Returns
    -------
    float (rows, columns)
        Norm at most one up to rounding, however few iterations; columns orthonormal (rows, if there are fewer of
        them) as far as the iteration has converged. Differentiable.

    Raises
    ------
    ValueError
        If ``w`` is not a matrix or empty, or ``iterations`` is below 1.

    Notes
    -----
    Time: two products of the size of :math:`W^\top W` an iteration.

    Examples
    --------
    >>> q = orthonormalize(jnp.array([[2.0, 1.0], [0.0, 1.0]]))
    >>> print(jnp.allclose(q.T @ q, jnp.eye(2), atol=1e-5))
    True

    References
    ----------
    Björck and Bowie, SIAM Journal on Numerical Analysis 8, 1971; Anil, Lucas and Grosse, "Sorting out Lipschitz
    function approximation", 2019, arXiv:1811.05381.
    """
    at_least_one("iterations", iterations)
    if w.ndim != 2 or w.size == 0:
        raise ValueError(f"w must be a non-empty matrix, got shape {w.shape}")
    dtype = w.dtype
    if dtype.itemsize < 4:  # fourth powers overflow in half precision
        w = w.astype(jnp.float32)
    tall = w if w.shape[0] >= w.shape[1] else w.T
    tall = tall / _positive(jax.lax.stop_gradient(jnp.max(jnp.abs(tall))))
    gram = tall.T @ tall
    tall = tall / _positive(jnp.sum((gram @ gram) ** 2)) ** 0.125

    def step(q: Array, _: None) -> tuple[Array, None]:
        return (3 * q - q @ (q.T @ q)) / 2, None

    tall = jax.lax.scan(step, tall, length=iterations)[0]
    return (tall if w.shape[0] >= w.shape[1] else tall.T).astype(dtype)


def _positive(size: Array) -> Array:
    return jnp.where(size == 0, 1, size)


def group_sort(x: Num[Array, "..."], group: int = 2) -> Num[Array, "..."]:
    r"""Sort each run of ``group`` neighbouring numbers: an activation with slope one in every direction.

    Unlike a rectifier it discards nothing. Its Jacobian is a permutation, so that with orthonormal weights the gradient
    of a network keeps its norm from layer to layer.

    Parameters
    ----------
    x : float (..., n)
        Sorted along the last axis.
    group : int, at least 1
        Must divide ``n``. With 2, neighbours are swapped or not.

    Returns
    -------
    float (..., n)

    Raises
    ------
    ValueError
        If ``group`` is below 1 or does not divide ``n``.

    Examples
    --------
    >>> print(group_sort(jnp.array([3.0, 1.0, -1.0, 2.0])))
    [ 1.  3. -1.  2.]

    References
    ----------
    Anil, Lucas and Grosse, 2019, arXiv:1811.05381.
    """
    at_least_one("group", group)
    if x.ndim == 0 or x.shape[-1] % group:
        raise ValueError(f"group must divide the last axis of x, of shape {x.shape}, got {group}")
    if group == 2:  # two comparisons are much faster than a sort
        pairs = x.reshape(*x.shape[:-1], x.shape[-1] // 2, 2)
        first, second = pairs[..., 0], pairs[..., 1]
        return jnp.stack([jnp.minimum(first, second), jnp.maximum(first, second)], axis=-1).reshape(x.shape)
    return jnp.sort(x.reshape(*x.shape[:-1], x.shape[-1] // group, group), axis=-1).reshape(x.shape)
