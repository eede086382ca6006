"""Steps whose length is a fraction of the weights' own: the trust ratio of LARS and LAMB."""

from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree, ScalarLike

from ..._check import not_negative
from ..._norms import safe_norm
from ..._updates import at, is_inexact
from ._leaves import afterwards, map_leaves, matched_params, select, spread_mask, wide

__all__ = ["layer_adapt"]


def layer_adapt(
    inner: optax.GradientTransformation,
    rate: ScalarLike | optax.Schedule,
    mask: Any = None,
    *,
    trust_coefficient: ScalarLike = 1.0,
) -> optax.GradientTransformationExtraArgs:
    r"""Scale each leaf's step to a fraction of the leaf's norm.

    .. math:: u' = u\,\frac{c\,\lVert\theta\rVert}{\lVert u/\gamma\rVert},\qquad\text{so that}\qquad
              \lVert u'\rVert = c\,\gamma\,\lVert\theta\rVert

    The factor is 1 where either norm is 0. ``layer_adapt(weight_decay(optax.adam(rate, eps=1e-6), rate, decay), rate)``
    is LAMB; around SGD, with ``trust_coefficient=0.001`` and followed by ``optax.trace``, it is LARS.

    Parameters
    ----------
    inner
        Any optimizer; :math:`u` is its update. **A schedule inside is divided out**: wrap it around this.
    rate : float, array or schedule
        :math:`\gamma\ge0`, the learning rate that made :math:`u`. A traced value is accepted.
    mask : tree of booleans, or function from the updates to one, optional
        Which leaves are scaled (all); as in :func:`~kexue.optimizers.weight_decay`.
    trust_coefficient : float, at least 0
        :math:`c`.

    Returns
    -------
    optax.GradientTransformationExtraArgs

    Raises
    ------
    ValueError
        If ``rate`` or ``trust_coefficient`` is negative; in ``update``, if the parameters are missing, or ``mask`` or
        they do not match the updates: the first path that differs is named.

    Notes
    -----
    The norm is that of a *leaf*: weights packed into one array are scaled as one. Time: two norms, which neither
    overflow nor vanish in their squares, in at least float32. Memory: one counter.

    Examples
    --------
    >>> optimizer = layer_adapt(optax.sgd(0.01), 0.01)
    >>> weights, gradient = jnp.array([3.0, 4.0]), jnp.array([0.0, 1e-6])
    >>> print(optimizer.update(gradient, optimizer.init(weights), weights)[0])  # 0.01 of the norm 5
    [-0.   -0.05]

    References
    ----------
    Y. You et al., Large batch optimization for deep learning: training BERT in 76 minutes, 2020, arXiv:1904.00962.
    Y. You, I. Gitman, B. Ginsburg, Large batch training of convolutional networks, 2017, arXiv:1708.03888.
    """
    not_negative("rate", rate)
    not_negative("trust_coefficient", trust_coefficient)

    def change(updates: PyTree, count: Array, params: PyTree) -> PyTree:
        numbers = at(rate, count), trust_coefficient

        def scale(u: Array, theta: Array, adapts: Any) -> Array:
            if adapts is False or not (is_inexact(u) and is_inexact(theta)):
                return u
            size, length = _norm(theta), _norm(u)
            gamma, c = (jnp.asarray(number, length.dtype) for number in numbers)
            is_zero = (size == 0) | (length == 0)
            # The direction first: the quotient of the norms may overflow.
            direction = jnp.asarray(u, wide(u)) / jnp.where(is_zero, 1, length).astype(wide(u))
            scaled = direction * (c * gamma * size.astype(length.dtype)).astype(wide(u))
            return select(adapts & ~is_zero, scaled.astype(u.dtype), u)

        params = matched_params("layer_adapt", params, updates)
        return map_leaves(scale, updates, params, spread_mask("mask", mask, updates))

    return afterwards(inner, change)


def _norm(leaf: Array) -> Float[Array, ""]:
    return safe_norm(jnp.abs(jnp.asarray(leaf, wide(leaf))).ravel())
