"""Gradients of every task, weighted sums of them, and what a change of a task's unit does to a direction."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ._gram import combine, known, norms_and_cosines, task_count, vector

__all__ = ["invariance", "task_gradients", "weighted_sum"]


def task_gradients(
    losses_fn: Callable[..., Float[Array, " tasks"]], params: PyTree, *batch: Any
) -> tuple[Float[Array, " tasks"], PyTree]:
    r"""All losses, and the gradient of each.

    Parameters
    ----------
    losses_fn : callable
        ``losses_fn(params, *batch)`` is a vector with one loss for each task.
    params : pytree
        The parameters that all tasks share. What belongs to one task only (a head) has no conflict to resolve, and
        would distort lengths and angles: keep it out, and differentiate the sum of the losses for it.
    *batch
        Passed on.

    Returns
    -------
    losses : float (tasks,)
    grads : pytree like ``params``
        Leaves with a leading axis ``tasks``, each slice what ``jax.grad`` gives for that loss; zero for leaves of
        integers.

    Raises
    ------
    ValueError
        If ``losses_fn`` returns anything but a vector of real floats.

    Notes
    -----
    One forward pass and ``tasks`` backward passes in one batch: their time, ``tasks`` times the memory of the
    parameters, and ``tasks`` times that of a backward pass.

    Examples
    --------
    >>> losses, grads = task_gradients(lambda x: jnp.stack([x @ x, x.sum()]), jnp.array([1.0, 2.0]))
    >>> print(losses, grads.tolist())
    [5. 3.] [[2.0, 4.0], [1.0, 1.0]]
    """
    leaves, structure = jax.tree.flatten(params)
    leaves = [jnp.asarray(leaf) for leaf in leaves]
    is_moving = [jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in leaves]

    def losses_of(moving: list[Array]) -> Array:
        rest = iter(moving)
        merged = [next(rest) if moves else leaf for leaf, moves in zip(leaves, is_moving, strict=True)]
        losses = losses_fn(jax.tree.unflatten(structure, merged), *batch)
        if jnp.ndim(losses) != 1 or not jnp.issubdtype(jnp.result_type(losses), jnp.floating):
            raise ValueError(
                "losses_fn must return a vector of real floats, one for each task, "
                f"got {jnp.result_type(losses)} of shape {jnp.shape(losses)}"
            )
        return losses

    losses, pull_back = jax.vjp(losses_of, [leaf for leaf, moves in zip(leaves, is_moving, strict=True) if moves])
    (slopes,) = jax.vmap(pull_back)(jnp.eye(len(losses), dtype=losses.dtype))
    slope = iter(slopes)
    grads = [
        next(slope) if moves else jnp.zeros((len(losses), *leaf.shape), leaf.dtype)
        for leaf, moves in zip(leaves, is_moving, strict=True)
    ]
    return losses, jax.tree.unflatten(structure, grads)


def weighted_sum(grads: PyTree, weights: Float[Array, " tasks"]) -> PyTree:
    r"""One gradient from many with given weights, :math:`u=\sum_iw_ig_i`.

    For a loss :math:`f(L_1,\dots,L_n)` the weights are its slopes, ``jax.grad(f)(losses)``.

    Parameters
    ----------
    grads : pytree
        Leaves with a leading axis ``tasks``.
    weights : float (tasks,)
        Not negative, not all zero.

    Returns
    -------
    pytree
        Like one task's gradient, in the dtype of each leaf; zero for leaves of integers.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis, or the weights have another length or, where they are known, are
        negative, not finite or all zero.

    Examples
    --------
    >>> print(weighted_sum(jnp.array([[1.0, 0.0], [1.0, 2.0]]), jnp.array([1.0, 3.0])))
    [4. 6.]
    """
    weights = vector("weights", weights)
    if weights.shape != (task_count("grads", grads),):
        raise ValueError(f"weights must be one for each of {task_count('grads', grads)} tasks, got {weights.shape}")
    known("weights", weights, "finite and not negative", lambda w: (w >= 0) & np.isfinite(w))
    known("weights", weights, "positive for at least one task", np.any)
    return combine(weights, grads)


def invariance(
    direction_fn: Callable[[Float[Array, " tasks"], PyTree], PyTree],
    losses_fn: Callable[[PyTree], Float[Array, " tasks"]],
    params: PyTree,
    scale: Float[Array, " tasks"],
    shift: Float[Array, " tasks"],
) -> Float[Array, ""]:
    r"""Cosine of the angle by which a direction turns when every loss becomes :math:`c_iL_i+b_i`.

    Parameters
    ----------
    direction_fn : callable
        ``direction_fn(losses, grads)`` is a direction: ``lambda losses, grads: min_norm(grads).direction``, say, or
        ``lambda losses, grads: weighted_sum(grads, jax.grad(log_sum_loss)(losses))``.
    losses_fn : callable
        ``losses_fn(params)`` is a vector with one loss for each task.
    params : pytree
    scale : float (tasks,), positive
        The factors :math:`c_i`.
    shift : float (tasks,)
        The constants :math:`b_i`.

    Returns
    -------
    float
        1 if nothing changes but the length; NaN if a direction is zero.

    Raises
    ------
    ValueError
        If ``scale`` or ``shift`` is not one number for each task, or a factor that is known is not positive.

    Examples
    --------
    >>> def losses(x):
    ...     return jnp.stack([x @ x, (x[0] - 1) ** 2])
    >>> def total(losses, grads):
    ...     return weighted_sum(grads, jnp.ones(2))
    >>> x, unit = jnp.array([3.0, 4.0]), jnp.array([1.0, 100.0])
    >>> print(f"{invariance(total, losses, x, unit, jnp.zeros(2)):.3f}")
    0.793
    """
    scale, shift = vector("scale", scale), vector("shift", shift)
    known("scale", scale, "positive and finite", lambda c: (c > 0) & np.isfinite(c))

    def changed(params: PyTree) -> Array:
        losses = losses_fn(params)
        for name, numbers in (("scale", scale), ("shift", shift)):
            if numbers.shape != jnp.shape(losses):
                raise ValueError(f"{name} must have the shape of the losses, {jnp.shape(losses)}, got {numbers.shape}")
        return losses * scale.astype(losses.dtype) + shift.astype(losses.dtype)

    before, after = (direction_fn(*task_gradients(fn, params)) for fn in (losses_fn, changed))
    lengths, cosines = norms_and_cosines(jax.tree.map(lambda a, b: jnp.stack([a, b]), before, after))
    return jnp.where(jnp.all(lengths > 0), cosines[0, 1], jnp.nan)
