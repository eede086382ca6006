"""What an attribution is good for: delete what it calls important, and see what the model says."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from ._problem import Example, Target, problem

__all__ = ["deletion_curve", "token_attribution"]


def deletion_curve(
    function: Callable[..., Any],
    x: Example,
    scores: Example,
    fill: Example,
    counts: Int[Array | np.ndarray, " counts"],
    *,
    target: Target = None,
) -> Float[Array, " counts"]:
    """The model's output after the coordinates with the highest scores were replaced.

    Parameters
    ----------
    function : callable
        One example to a scalar, or to a vector if ``target`` is given.
    x : float array or pytree of float arrays
    scores : like ``x``
        The highest go first; among equals, the first in memory.
    fill : like ``x``
        What comes in their place. The verdict depends on it.
    counts : int (counts,)
        How many coordinates are replaced; 0 gives the output at ``x``, the size of ``x`` that at ``fill``.
    target : int, optional
        Which entry of the output is followed.

    Returns
    -------
    float (counts,)

    Raises
    ------
    ValueError
        If ``scores`` or ``fill`` has another shape than ``x``, or a count that is known is below zero or above the
        size of ``x``; or if the function returns a vector and no target is given, or the target is out of range.

    Notes
    -----
    One evaluation for each count, all at once.

    Examples
    --------
    >>> x, scores = jnp.array([1.0, 2.0, 4.0]), jnp.array([0.1, 0.3, 0.2])
    >>> print(deletion_curve(jnp.sum, x, scores, jnp.zeros(3), np.arange(4)))
    [7. 5. 1. 0.]
    """
    subject = problem(function, x, fill, target, name="fill")
    flat_scores = problem(function, x, scores, target, name="scores").baseline
    size = subject.x.size
    if not isinstance(counts, jax.core.Tracer) and not np.all((np.asarray(counts) >= 0) & (np.asarray(counts) <= size)):
        raise ValueError(f"counts must be from 0 to {size}, the size of x, got {np.asarray(counts).tolist()}")
    order = jnp.argsort(-flat_scores, stable=True)
    rank = jnp.zeros(size, jnp.int32).at[order].set(jnp.arange(size, dtype=jnp.int32))

    def after(count: Array) -> Array:
        return subject.value(jnp.where(rank < count, subject.baseline, subject.x))

    return jax.vmap(after)(jnp.asarray(counts, jnp.int32))


def token_attribution(
    values: Num[Array | np.ndarray, "... tokens embedding"], *, how: str = "sum"
) -> Float[Array, "... tokens"]:
    r"""One number for each token, from the attributions of the coordinates of its embedding.

    Parameters
    ----------
    values : float (..., tokens, embedding)
    how : {"sum", "norm"}
        ``"sum"`` adds the coordinates up: it keeps the sign, and the tokens still add up to
        :math:`F(x)-F(\bar x)`. ``"norm"`` is their Euclidean length, which loses both.

    Returns
    -------
    float (..., tokens)

    Raises
    ------
    ValueError
        If ``how`` is neither.

    Examples
    --------
    >>> values = jnp.array([[3.0, 4.0], [-3.0, 4.0], [-3.0, -4.0]])
    >>> print(token_attribution(values), token_attribution(values, how="norm"))
    [ 7.  1. -7.] [5. 5. 5.]
    """
    if how not in ("sum", "norm"):
        raise ValueError(f"how={how!r} is not allowed: it must be 'sum' or 'norm'")
    values = jnp.asarray(values)
    return values.sum(-1) if how == "sum" else jnp.linalg.norm(values, axis=-1)
