"""Weight decay that does not pass through the optimizer."""

from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import not_negative
from ..._updates import at, is_inexact
from ._leaves import afterwards, map_leaves, matched_params, select, spread_mask, wide

__all__ = ["weight_decay"]


def weight_decay(
    inner: optax.GradientTransformation,
    rate: ScalarLike | optax.Schedule,
    decay: ScalarLike | optax.Schedule,
    mask: Any = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Decoupled weight decay around any optimizer.

    .. math:: u' = u - \gamma\lambda\theta

    Around Adam this is AdamW. Unlike the gradient of an :math:`L_2` penalty the decay is not normalised with the
    rest: where the loss is flat, :math:`\theta_t=\theta_0(1-\gamma\lambda)^t`.

    Parameters
    ----------
    inner
        Any optimizer; :math:`u` is its update, minus sign included.
    rate : float, array or schedule
        :math:`\gamma\ge0`, the learning rate that ``inner`` uses. A traced value is accepted.
    decay : float, array or schedule
        :math:`\lambda\ge0`. A traced value is accepted.
    mask : tree of booleans, or function from the updates to one, optional
        Which leaves decay (all); the upper part of a tree stands for all below. A leaf may be a traced boolean. Biases
        and the gains of normalisations are usually left out.

    Returns
    -------
    optax.GradientTransformationExtraArgs

    Raises
    ------
    ValueError
        If ``rate`` or ``decay`` is negative; in ``update``, if the parameters are missing, or ``mask`` or they do not
        match the updates: the first path that differs is named.

    Notes
    -----
    Time: one multiplication and addition a parameter, in at least float32. Memory: one counter. Put the decay *inside*
    :func:`~kexue.optimizers.accumulate`: outside it acts on every micro-step.

    Examples
    --------
    >>> optimizer = weight_decay(optax.sgd(0.1), 0.1, 0.5)
    >>> weights = jnp.array([1.0, -2.0])
    >>> print(optimizer.update(jnp.zeros(2), optimizer.init(weights), weights)[0])
    [-0.05  0.1 ]

    References
    ----------
    I. Loshchilov, F. Hutter, Decoupled weight decay regularization, ICLR 2019, arXiv:1711.05101.
    """
    not_negative("rate", rate)
    not_negative("decay", decay)

    def change(updates: PyTree, count: Array, params: PyTree) -> PyTree:
        numbers = at(rate, count), at(decay, count)

        def shrink(u: Array, theta: Array, decays: Any) -> Array:
            if not (is_inexact(u) and is_inexact(theta)):
                return u
            dtype = wide(u, theta)
            gamma, lambda_ = (jnp.asarray(number, dtype) for number in numbers)
            moved = jnp.asarray(u, dtype) - gamma * lambda_ * jnp.asarray(theta, dtype)
            return select(decays, moved.astype(u.dtype), u)

        params = matched_params("weight_decay", params, updates)
        return map_leaves(shrink, updates, params, spread_mask("mask", mask, updates))

    return afterwards(inner, change)
