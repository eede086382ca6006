"""One direction from many gradients by their lengths: all made equal at once, or by weights that learn to."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from ..._check import require
from ._gram import combine, inverse, norms, task_count, vector

__all__ = ["GradNormState", "gradnorm_init", "gradnorm_step", "normalised_sum"]


def normalised_sum(grads: PyTree, eps: ArrayLike = 0.0) -> PyTree:
    r"""Sum of the gradients, each divided by its length.

    .. math:: u = \sum_i\frac{g_i}{\lVert g_i\rVert+\epsilon}

    At :math:`\epsilon=0` invariant to the scale and the shift of every loss. Of two tasks it hurts neither,
    :math:`\langle g_1,u\rangle=\lVert g_1\rVert(1+\cos\varphi)`; of three it can. It does not vanish where the
    gradients do: let the rate fall, or take an :math:`\epsilon`, which gives the scale's invariance up.

    Parameters
    ----------
    grads : pytree
        Leaves with a leading axis ``tasks``. Lengths are those of the whole tree.
    eps : float, at least 0
        In the unit of the gradients. May be traced.

    Returns
    -------
    pytree
        Like one task's gradient. A zero gradient contributes nothing.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis, or ``eps`` is known and negative.

    Examples
    --------
    >>> print(normalised_sum(jnp.array([[3.0, 4.0], [0.0, 1e-6]])))
    [0.6 1.8]

    References
    ----------
    Su, 2022, https://kexue.fm/archives/8870.
    """
    task_count("grads", grads)
    require("eps", eps, "at least 0 and finite", lambda value: (value >= 0) & np.isfinite(value))
    return _normalised_sum(grads, jnp.asarray(eps))


@jax.jit
def _normalised_sum(grads: PyTree, eps: Array) -> PyTree:
    lengths = norms(grads)
    return combine(inverse(lengths + eps.astype(lengths.dtype)), grads)


class GradNormState(NamedTuple):
    """What the next step of GradNorm needs."""

    weights: Float[Array, " tasks"]
    """Of the losses in their sum; they add up to the number of tasks."""
    first_losses: Float[Array, " tasks"]
    """Of the first step: how far a task has come is measured from them."""
    optimizer: optax.OptState
    """State of the optimizer that learns the weights."""


def gradnorm_init(losses: Float[Array, " tasks"], optimizer: optax.GradientTransformation) -> GradNormState:
    """Start of :func:`gradnorm_step`: equal weights, and the losses that progress is measured against.

    Parameters
    ----------
    losses : float (tasks,), positive
        At the start of training.
    optimizer : optax.GradientTransformation
        Of the weights, not of the parameters.

    Returns
    -------
    GradNormState

    Raises
    ------
    ValueError
        If ``losses`` is not a vector.
    """
    losses = vector("losses", losses)
    return GradNormState(jnp.ones_like(losses), losses, optimizer.init(jnp.ones_like(losses)))


def gradnorm_step(
    state: GradNormState,
    losses: Float[Array, " tasks"],
    grads: PyTree,
    optimizer: optax.GradientTransformation,
    alpha: ArrayLike = 1.5,
) -> GradNormState:
    r"""One step of GradNorm: weights learned until all weighted gradients are alike, longer for who lags behind.

    .. math:: &\min_w\sum_i\Big\lvert w_i\lVert g_i\rVert-\mathrm{sg}\big(\bar G\,r_i^\alpha\big)\Big\rvert,\\
              &\bar G=\frac1n\sum_jw_j\lVert g_j\rVert,\\
              &r_i=\frac{L_i/L_i(0)}{\frac1n\sum_jL_j/L_j(0)}

    then :math:`w\leftarrow nw/\sum_jw_j`. At :math:`\alpha=0` it ends at :math:`w_i\propto1/\lVert g_i\rVert`, which
    :func:`normalised_sum` reaches at once. What it ends at is invariant to the scale of each loss, the way there is
    not.

    Parameters
    ----------
    state : GradNormState
    losses : float (tasks,), positive
    grads : pytree
        Their gradients, with a leading axis ``tasks``, not multiplied by the weights; in the paper those of the last
        shared layer alone.
    optimizer : optax.GradientTransformation
        That of :func:`gradnorm_init`. A step longer than a weight makes it negative: keep the rate small, and prefer
        ``optax.adam``, whose steps do not grow with the gradients.
    alpha : float, at least 0
        Strength of the pull towards equal progress. May be traced.

    Returns
    -------
    GradNormState
        With the new ``weights``: ``weighted_sum(grads, state.weights)`` is the direction. NaN where a loss has
        changed its sign.

    Raises
    ------
    ValueError
        If ``losses`` does not have one number for each task, or ``alpha`` is known and negative.

    Examples
    --------
    >>> optimizer, losses = optax.sgd(0.1), jnp.array([1.0, 1.0])
    >>> state = gradnorm_init(losses, optimizer)
    >>> state = gradnorm_step(state, losses, jnp.array([[3.0], [1.0]]), optimizer)
    >>> print([f"{weight:.4f}" for weight in state.weights])
    ['0.7778', '1.2222']

    References
    ----------
    Chen et al., "GradNorm", 2018, arXiv:1711.02257, equations 1 and 2, algorithm 1.
    """
    losses = vector("losses", losses)
    require("alpha", alpha, "at least 0 and finite", lambda value: (value >= 0) & np.isfinite(value))
    if losses.shape != (task_count("grads", grads),) or losses.shape != state.weights.shape:
        raise ValueError(f"losses must be one for each of {state.weights.size} tasks, got shape {losses.shape}")
    sizes = norms(grads).astype(losses.dtype)
    progress = losses / state.first_losses
    rate = (progress / jnp.mean(progress)) ** jnp.asarray(alpha).astype(losses.dtype)
    lengths = state.weights * sizes
    slopes = jnp.sign(lengths - jnp.mean(lengths) * rate) * sizes
    updates, inner = optimizer.update(slopes, state.optimizer, state.weights)
    weights = optax.apply_updates(state.weights, updates)
    return GradNormState(len(losses) * weights / jnp.sum(weights), state.first_losses, inner)
