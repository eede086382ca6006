"""Switching coordinates one after the other: staircase paths, and the mean over all of them."""

from collections.abc import Callable
from math import factorial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Num

from ..._check import at_least_one
from ._problem import Problem, Target, problem
from .gradients import Attribution, finish

__all__ = ["shapley_exact", "staircase_attribution"]

LARGEST = 16


def shapley_exact(
    function: Callable[..., Any],
    x: Num[Array | np.ndarray, "..."],
    baseline: Num[Array | np.ndarray, "..."],
    *,
    target: Target = None,
    chunk: int | None = None,
) -> Attribution:
    r"""Shapley values by enumeration: the mean of all :math:`d!` staircase attributions.

    .. math:: \phi_i=\sum_{S\not\ni i}\frac{|S|!\,(d-|S|-1)!}{d!}\,\big(F(x_{S\cup i})-F(x_S)\big)

    where :math:`x_S` takes the coordinates in :math:`S` from the input and the others from the baseline. Every subset
    is evaluated once; one matrix product does the rest.

    Parameters
    ----------
    function : callable
        One example to a scalar, or to a vector if ``target`` is given.
    x, baseline : float (dim,)
        At most 16 coordinates.
    target : int, optional
        Which entry of the output is explained.
    chunk : int, optional
        At most this many subsets in memory at once.

    Returns
    -------
    Attribution
        ``nonfinite`` is the first subset, read as a binary number with coordinate ``i`` as bit ``i``, on which the
        function is not finite.

    Raises
    ------
    ValueError
        If ``x`` is no vector of 1 to 16 coordinates, ``baseline`` has another shape, or ``chunk`` is below one; or as
        :func:`completeness_gap`.

    Notes
    -----
    :math:`2^d` evaluations and :math:`d\,2^d` numbers of memory.

    Examples
    --------
    >>> print(shapley_exact(lambda x: x[0] ** 2 * x[1], jnp.array([1.0, 1.0]), jnp.zeros(2)).values)
    [0.5 0.5]

    References
    ----------
    Shapley, "A value for n-person games", 1953. Sundararajan and Najmi, "The many Shapley values for model
    explanation", 2020, arXiv:1908.08474 (this is their *baseline Shapley*).
    """
    subject, dim = _vector(function, x, baseline, target)
    if dim > LARGEST:
        raise ValueError(f"x must have at most {LARGEST} coordinates, got {dim}: 2**{dim} subsets are too many")
    if chunk is not None:
        at_least_one("chunk", chunk)
    is_in = (np.arange(2**dim)[:, None] >> np.arange(dim)) % 2 == 1
    size = is_in.sum(1, keepdims=True)
    # The subset counts for its members as S ∪ i, and against the others as S.
    weight = np.array([factorial(s) * factorial(dim - s - 1) / factorial(dim) for s in range(dim)])
    signed = np.where(is_in, weight[np.maximum(size - 1, 0)], -weight[np.minimum(size, dim - 1)])

    def on_subset(is_in: Array) -> Array:
        return subject.value(jnp.where(is_in, subject.x, subject.baseline))

    # The change of value, not the value: what all subsets have in common would only cost digits.
    heights = jax.lax.map(on_subset, jnp.asarray(is_in), batch_size=min(chunk or 2**dim, 2**dim))
    games = heights - heights[0]
    is_bad = ~jnp.isfinite(games)
    nonfinite = jnp.where(is_bad.any(), jnp.argmax(is_bad), -1)
    values = jnp.matmul(games, jnp.asarray(signed, subject.x.dtype), precision="highest")
    return finish(subject, values, 2**dim, nonfinite)


def staircase_attribution(
    function: Callable[..., Any],
    x: Num[Array | np.ndarray, "..."],
    baseline: Num[Array | np.ndarray, "..."],
    order: Int[Array | np.ndarray, "..."],
    *,
    target: Target = None,
) -> Attribution:
    r"""What each coordinate changes when it is switched from the baseline to the input, in a given order.

    .. math:: a_i=F(x_{S\cup i})-F(x_S),\qquad S=\{\text{coordinates before } i \text{ in the order}\}

    Parameters
    ----------
    function, x, baseline, target
        As for :func:`shapley_exact`, any number of coordinates.
    order : int (dim,)
        A permutation of the coordinates: ``order[0]`` is switched first.

    Returns
    -------
    Attribution
        Complete for every order.

    Raises
    ------
    ValueError
        If ``x`` is no vector, ``baseline`` has another shape, or ``order`` has another length or, where it is known,
        is no permutation; or as :func:`completeness_gap`.

    Notes
    -----
    ``dim + 1`` evaluations at once.

    Examples
    --------
    >>> F, x = lambda x: x[0] ** 2 * x[1], jnp.array([1.0, 1.0])
    >>> print(staircase_attribution(F, x, jnp.zeros(2), jnp.array([1, 0])).values)
    [1. 0.]
    """
    subject, dim = _vector(function, x, baseline, target)
    if order.shape != (dim,):
        raise ValueError(f"order must have shape ({dim},), got {order.shape}")
    if not isinstance(order, jax.core.Tracer) and sorted(np.asarray(order).tolist()) != list(range(dim)):
        raise ValueError(f"order must be a permutation of 0 … {dim - 1}, got {np.asarray(order).tolist()}")
    place = jnp.zeros(dim, jnp.int32).at[order].set(jnp.arange(dim, dtype=jnp.int32))
    is_in = place[None] < jnp.arange(dim + 1, dtype=jnp.int32)[:, None]
    heights = jax.vmap(lambda row: subject.value(jnp.where(row, subject.x, subject.baseline)))(is_in)
    is_bad = ~jnp.isfinite(heights)
    values = jnp.zeros_like(subject.x).at[order].set(jnp.diff(heights))
    return finish(subject, values, dim + 1, jnp.where(is_bad.any(), jnp.argmax(is_bad), -1))


def _vector(function: Callable[..., Any], x: Any, baseline: Any, target: Target) -> tuple[Problem, int]:
    if jnp.ndim(x) != 1 or jnp.size(x) == 0:
        raise ValueError(f"x must be a vector of at least one coordinate, got shape {jnp.shape(x)}")
    return problem(function, x, baseline, target), jnp.size(x)
