"""One direction from many gradients by convex optimisation: no task is hurt, or the worst-served one gains most."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from ..._check import require
from ._cone import nearest_in_hull, nonnegative_minimum
from ._gram import combine, cosines_with, inverse, length, norms_and_cosines, products, task_count

__all__ = ["Combination", "cagrad", "main_and_auxiliary", "min_norm"]


class Combination(NamedTuple):
    """A direction that stands in place of the gradient, how it is composed, and how far from optimal it is."""

    direction: PyTree
    """Like one task's gradient: goes into an optimizer's ``update``, which steps against it."""
    weights: Float[Array, " tasks"]
    """With these the direction is the weighted sum of the gradients."""
    gap: Float[Array, ""]
    """Zero at the solution, computed from the direction itself; each function says what it measures."""


def min_norm(grads: PyTree) -> Combination:
    r"""Shortest vector in the convex hull of the gradients: a step against it raises no loss to first order.

    .. math:: &\min_{w\in\Delta}\Big\lVert\sum_iw_ig_i\Big\rVert^2,\\
              &\langle g_i,u\rangle\ge\lVert u\rVert^2\ \text{ for every task, with equality where } w_i>0

    Zero exactly where the tasks are Pareto stationary. Invariant to a shift of any loss. A factor of all losses
    becomes a factor of :math:`u`. **Not** invariant to the scale of one loss: as that loss is made small, :math:`u`
    turns to its gradient, corrected for the others as in :func:`main_and_auxiliary`. Divide the gradients by their
    lengths first, and it is.

    Parameters
    ----------
    grads : pytree
        Leaves with a leading axis ``tasks``.

    Returns
    -------
    Combination
        ``weights`` are not negative and sum to 1; with n dependent gradients they are one solution of many, and the
        tasks with a zero gradient share all the weight. ``gap`` is the Frank-Wolfe duality gap
        :math:`\lVert u\rVert^2-\min_i\langle g_i,u\rangle`, which bounds
        :math:`\frac12(\lVert u\rVert^2-\lVert u^*\rVert^2)` and :math:`\lVert u-u^*\rVert^2`.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis.

    Notes
    -----
    An active set on the Gram matrix, exact but for rounding, for two tasks
    :math:`w_1=\operatorname{clip}\big(\langle g_2-g_1,g_2\rangle/\lVert g_1-g_2\rVert^2,0,1\big)`. Time:
    :math:`n^2d` for n gradients of d numbers, and some n solutions of n equations.

    Examples
    --------
    >>> solution = min_norm(jnp.array([[2.0, 0.0], [0.0, 1.0]]))
    >>> print(solution.direction.round(3), solution.weights.round(3))
    [0.4 0.8] [0.2 0.8]

    References
    ----------
    Désidéri, "Multiple-gradient descent algorithm", 2012; Sener and Koltun, 2018, arXiv:1810.04650.
    """
    task_count("grads", grads)
    return _min_norm(grads)


@jax.jit
def _min_norm(grads: PyTree) -> Combination:
    weights = nearest_in_hull(*norms_and_cosines(grads))
    direction = combine(weights, grads)
    gains = products(grads, direction)
    return Combination(direction, weights, weights @ (gains - jnp.min(gains)))


def main_and_auxiliary(main: PyTree, grads: PyTree) -> Combination:
    r"""Gradient of a main task, corrected so that it hurts none of the auxiliary ones.

    .. math:: &u = g_0+\sum_i\lambda_ig_i = \arg\min_u\big\{\lVert u-g_0\rVert : \langle u,g_i\rangle\ge0\big\},\\
              &\lambda\ge0, \quad \lambda_i\langle u,g_i\rangle=0

    The main task never suffers: :math:`\langle u,g_0\rangle=\lVert u\rVert^2`. With one auxiliary task,
    :math:`\lambda=\max(0,-\langle g_0,g_1\rangle)/\lVert g_1\rVert^2`. Invariant to the scale of each auxiliary loss,
    and to shifts; a factor of the main loss becomes a factor of :math:`u`.

    Parameters
    ----------
    main : pytree
        Gradient of the main task, :math:`g_0`.
    grads : pytree
        Those of the auxiliary tasks, with a leading axis ``tasks``.

    Returns
    -------
    Combination
        ``weights`` are the :math:`\lambda_i`: the direction is ``main`` plus the weighted sum; 0 for a zero gradient.
        ``gap`` is the largest violation of the conditions, :math:`-\langle g_i,u\rangle/\lVert g_i\rVert` or
        :math:`\lambda_i\langle g_i,u\rangle/\lVert g_0\rVert`, relative to :math:`\lVert g_0\rVert`.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis, or the two trees differ but for it.

    Notes
    -----
    Time: :math:`n^2d`, and some n solutions of n equations.

    Examples
    --------
    >>> print(main_and_auxiliary(jnp.array([2.0, 1.0]), jnp.array([[-1.0, 0.0]])).direction)
    [0. 1.]

    References
    ----------
    Su, 2022, https://kexue.fm/archives/8907.
    """
    count = task_count("grads", grads)
    found = [f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}" for leaf in jax.tree.leaves(main)]
    wanted = [f"{jnp.result_type(leaf)}{list(jnp.shape(leaf)[1:])}" for leaf in jax.tree.leaves(grads)]
    if (found, jax.tree.structure(main)) != (wanted, jax.tree.structure(grads)):
        raise ValueError(f"main must be like the gradient of one of the {count} tasks, {wanted}, got {found}")
    return _main_and_auxiliary(main, grads)


@jax.jit
def _main_and_auxiliary(main: PyTree, grads: PyTree) -> Combination:
    norms, cosines = norms_and_cosines(grads)
    main_length = length(main)
    y = nonnegative_minimum(cosines, -cosines_with(grads, main))
    weights = main_length * y * inverse(norms)
    both = jax.tree.map(lambda g0, g: jnp.concatenate([jnp.asarray(g0)[None], jnp.asarray(g)]), main, grads)
    direction = combine(jnp.concatenate([jnp.ones_like(weights[:1]), weights]), both)
    gains = cosines_with(grads, direction) * (length(direction) * inverse(main_length))
    return Combination(direction, weights, jnp.max(jnp.maximum(-gains, y * gains)))


def cagrad(grads: PyTree, c: ArrayLike = 0.5) -> Combination:
    r"""Best direction for the worst-served task within a ball around the mean gradient.

    .. math:: &\max_u\min_i\langle g_i,u\rangle\ \text{ over }\ \lVert u-g_0\rVert\le c\lVert g_0\rVert,\\
              &g_0=\frac1n\sum_ig_i

    For fixed convex weights the best :math:`u` is :math:`g_0` plus a multiple of :math:`g_w=\sum_iw_ig_i`, so the
    dual is :math:`\min_{w\in\Delta}F(w)`,

    .. math:: &F(w)=\langle g_w,g_0\rangle+c\lVert g_0\rVert\lVert g_w\rVert,\\
              &u=g_0+c\lVert g_0\rVert\frac{g_w}{\lVert g_w\rVert}.

    :math:`c=0` is the mean; as c grows, u turns to :func:`min_norm`. Invariant to a shift of any loss, **not** to the
    scale of one; a factor of all losses becomes a factor of :math:`u`.

    Parameters
    ----------
    grads : pytree
        Leaves with a leading axis ``tasks``.
    c : float, at least 0
        Below 1, :math:`\langle g_0,u\rangle>0`: the mean loss falls. May be traced.

    Returns
    -------
    Combination
        ``weights`` are :math:`\frac1n+c\lVert g_0\rVert w_i/\lVert g_w\rVert`. Where :math:`g_w=0` the solution is
        not unique, and the nearest to :math:`g_0` is returned: :func:`main_and_auxiliary` of the mean. ``gap`` is the
        duality gap :math:`F(w)-\min_i\langle g_i,u\rangle`, which bounds what any other direction in the ball would
        gain for the worst-served task.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis, or ``c`` is known and negative, not finite or not one number.

    Notes
    -----
    By :math:`\lVert x\rVert=\min_{v>0}\frac12\big(\lVert x\rVert^2/(vs)+vs\big)`, with :math:`s=c\lVert g_0\rVert`,
    the solution is the point of the hull of the :math:`g_i+vg_0` nearest to zero for the one v at which
    :math:`\lVert g_w\rVert=vs`, found by bisection. Time: :math:`n^2d`, and a few hundred solutions of n equations.

    Examples
    --------
    >>> solution = cagrad(jnp.array([[2.0, 0.0], [0.0, 1.0]]), 0.5)
    >>> print([f"{u:.4f}" for u in solution.direction], bool(abs(solution.gap) < 1e-6))
    ['1.0000', '1.0590'] True

    References
    ----------
    Liu et al., "Conflict-averse gradient descent for multi-task learning", 2021, arXiv:2110.14048.
    """
    task_count("grads", grads)
    require("c", c, "at least 0 and finite", lambda value: (value >= 0) & np.isfinite(value))
    if jnp.ndim(c) != 0:
        raise ValueError(f"c must be one number, got shape {jnp.shape(c)}")
    return _cagrad(grads, jnp.asarray(c))


@jax.jit
def _cagrad(grads: PyTree, c: Array) -> Combination:
    norms, cosines = norms_and_cosines(grads)
    n, unit = len(norms), jnp.where(jnp.max(norms) > 0, jnp.max(norms), 1)
    lengths = norms / unit
    # Of the mean itself: from the Gram matrix, what cancels leaves the root of the rounding behind.
    mean = combine(jnp.full_like(norms, 1 / n), grads)
    mean_length = length(mean) / unit
    to_mean = cosines_with(grads, mean) * lengths * mean_length
    radius = c.astype(norms.dtype) * mean_length
    hull = _worst_served(lengths[:, None] * cosines * lengths[None, :], to_mean, mean_length, radius)
    size = length(combine(hull, grads)) / unit
    dual = unit**2 * (hull @ to_mean + radius * size)
    # Shorter than its own rounding, g_w has no direction.
    is_zero = size <= 16 * n * jnp.finfo(norms.dtype).eps * (hull @ lengths)
    corrections = nonnegative_minimum(cosines, -cosines_with(grads, mean))
    push = jnp.where(is_zero, mean_length * corrections * inverse(lengths), radius * hull * inverse(size))
    direction = combine(1 / n + push, grads)
    return Combination(direction, 1 / n + push, dual - jnp.min(products(grads, direction)))


def _worst_served(gram: Array, to_mean: Array, mean_length: Array, radius: Array) -> Array:
    """Convex weights at the minimum of F."""
    eps = jnp.finfo(gram.dtype).eps

    def hull_at(v: Array) -> Array:
        shifted = gram + v * (to_mean[:, None] + to_mean[None, :]) + (v * mean_length) ** 2
        norms = jnp.sqrt(jnp.maximum(jnp.diagonal(shifted), 0))
        return nearest_in_hull(norms, inverse(norms)[:, None] * shifted * inverse(norms)[None, :])

    def halve(_: Any, search: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        low, high, _ = search
        middle = (low + high) / 2
        hull = hull_at(jnp.exp(middle))
        is_below = jnp.sqrt(jnp.maximum(hull @ gram @ hull, 0)) > jnp.exp(middle) * radius
        return jnp.where(is_below, middle, low), jnp.where(is_below, high, middle), hull

    # g_w is at most as long as the longest gradient, here 1, and anything below the rounding of the shortest is 0.
    smallest = jnp.min(jnp.sqrt(jnp.diagonal(gram)))
    top = -jnp.log(jnp.where(radius > 0, radius, 1))
    bottom = jnp.log(eps * jnp.where(smallest > 0, smallest, 1) * inverse(jnp.maximum(radius, mean_length)))
    steps = jnp.finfo(gram.dtype).nmant + 6
    search = jnp.minimum(bottom, top), top, jnp.zeros_like(to_mean)
    return jax.lax.fori_loop(0, steps, halve, search)[2]
