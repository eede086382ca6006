"""AdaX and its family: Adam's step with any average of squared gradients under the root."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import not_negative, require
from ..._updates import is_inexact
from ._leaves import (
    Rate,
    absolute_square,
    average,
    given,
    real_dtype,
    times,
    update_leaves,
    widened_dtype,
    with_rate,
)
from .averages import Decay, decay_adam, decay_adax

__all__ = ["DecayState", "adax", "adaxw", "scale_by_decay"]


class DecayState(NamedTuple):
    """What the next step of `scale_by_decay` needs; the averages are None where a leaf holds integers."""

    step: Array
    """Steps so far, int32."""
    mean: PyTree
    """:math:`m`, the average of the gradients."""
    mean_square: PyTree
    r""":math:`\hat v`, the normalised average of their squares."""


def scale_by_decay(
    decay: Decay, b1: ScalarLike = 0.9, eps: ScalarLike = 1e-8, *, debias: bool = True
) -> optax.GradientTransformationExtraArgs:
    r"""Divide the averaged gradient by the root of any normalised average of its squares.

    .. math:: &m_t=a_tm_{t-1}+(1-a_t)g_t,\\
              &\hat v_t=b_t\hat v_{t-1}+(1-b_t)\lvert g_t\rvert^2,\\
              &u_t=\frac{m_t}{\sqrt{\hat v_t+\epsilon}}

    The sequence :math:`b_t` is the optimizer: :func:`decay_adam` makes Adam of it, :func:`decay_mean` Adagrad with a
    rate :math:`\alpha\sqrt t`, :func:`decay_adax` AdaX.

    Parameters
    ----------
    decay : callable
        From the step :math:`t=1,2,\dots` (int32) to :math:`b_t`.
    b1 : float in [0, 1)
        :math:`\beta_1`. May be traced, like ``eps``.
    eps : float, at least 0
        :math:`\epsilon`, *inside* the root: of the size of a squared gradient. Adam's :math:`10^{-8}` outside the
        root is :math:`10^{-16}` here.
    debias : bool
        Whether :math:`a_t` is the normalised :func:`decay_adam` of :math:`\beta_1` or :math:`\beta_1` itself, which
        makes the first :math:`1/(1-\beta_1)` steps smaller: a short warm-up.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is a :class:`DecayState`. Leaves of integers get a zero update.

    Raises
    ------
    ValueError
        If ``b1`` or ``eps`` is out of range.

    Notes
    -----
    Time: that of Adam. Memory: Adam's two numbers a parameter, in float32 at least. A gradient that has been zero
    from the start gives a zero update, also with ``eps=0``. :math:`b_t` is a float32: once :math:`1-b_t` is below
    :math:`6\cdot10^{-8}` the average stands still.

    Examples
    --------
    >>> optimizer = scale_by_decay(lambda t: 1 - 1 / t, b1=0.0, eps=0.0)
    >>> state = optimizer.init(jnp.array(0.0))
    >>> for gradient in jnp.array([7.0, 1.0]):
    ...     update, state = optimizer.update(gradient, state)
    >>> print(update)  # 1 / sqrt((49 + 1) / 2)
    0.2

    References
    ----------
    Li et al., 2020, arXiv:2004.09740. Kingma and Ba, 2015, arXiv:1412.6980.
    """
    require("b1", b1, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    not_negative("eps", eps)

    def init(params: PyTree) -> DecayState:
        mean = jax.tree.map(lambda p: jnp.zeros_like(p, widened_dtype(p)) if is_inexact(p) else None, params)
        square = jax.tree.map(lambda m: jnp.zeros_like(m, real_dtype(m)), mean)
        return DecayState(jnp.zeros((), jnp.int32), mean, square)

    def update(updates: PyTree, state: DecayState, params: Any = None, **extra: Any) -> tuple[PyTree, DecayState]:
        del extra
        t = optax.safe_increment(state.step)
        first, second = decay_adam(b1)(t) if debias else jnp.asarray(b1), jnp.asarray(decay(t))

        def step(g: Array, _: Any, m: Array, v: Array) -> tuple[Array, Array, Array]:
            wide = g.astype(m.dtype)
            m = average(first, m, wide)
            v = average(second, v, absolute_square(wide))
            # The smallest number under the root, so that 0/0 is 0 when eps is 0 and the gradient has never moved.
            root = jnp.sqrt(jnp.maximum(v + jnp.asarray(eps, v.dtype), jnp.finfo(v.dtype).tiny))
            return (m / root.astype(m.dtype)).astype(g.dtype), m, v

        updates, mean, square = update_leaves(step, updates, params, state.mean, state.mean_square)
        return updates, DecayState(t, mean, square)

    return optax.GradientTransformationExtraArgs(init, update)


def adax(
    learning_rate: Rate, b1: ScalarLike = 0.9, b2: ScalarLike = 1e-4, eps: ScalarLike = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""AdaX: Adam with a second moment that never forgets.

    .. math:: &m_t=\beta_1m_{t-1}+(1-\beta_1)g_t,\\
              &v_t=(1+\beta_2)v_{t-1}+\beta_2g_t^2,\\
              &\theta_t=\theta_{t-1}-\alpha_t\frac{m_t}{\sqrt{\hat v_t+\epsilon}},\\
              &\hat v_t=\frac{v_t}{(1+\beta_2)^t-1}

    computed in the normalised form of :func:`decay_adax`, where :math:`v_t` would overflow. The mean :math:`m` is not
    corrected for its start at zero.

    Parameters
    ----------
    learning_rate : float, array or optax schedule
        :math:`\alpha`.
    b1 : float in [0, 1)
        :math:`\beta_1`. May be traced, like ``b2`` and ``eps``.
    b2 : float, positive
        :math:`\beta_2`; the average is the plain mean up to about :math:`1/\beta_2` steps.
    eps : float, at least 0
        :math:`\epsilon`, *inside* the root.

    Returns
    -------
    optax.GradientTransformationExtraArgs

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Time and memory: those of Adam.

    Examples
    --------
    >>> optimizer = adax(0.01)
    >>> update, _ = optimizer.update(jnp.array(5.0), optimizer.init(jnp.array(5.0)))
    >>> print(f"{update:.4f}")  # one tenth of a step: the mean starts at zero
    -0.0010

    References
    ----------
    Li, Zhang, Wang and Luo, "AdaX: adaptive gradient descent with exponential long term memory", 2020, arXiv:2004.09740.
    """
    return adaxw(learning_rate, b1, b2, eps, weight_decay=0.0)


def adaxw(
    learning_rate: Rate,
    b1: ScalarLike = 0.9,
    b2: ScalarLike = 1e-4,
    eps: ScalarLike = 1e-8,
    *,
    weight_decay: Rate = 1e-4,
    mask: Any = None,
) -> optax.GradientTransformationExtraArgs:
    r"""AdaX with decoupled weight decay.

    .. math:: \theta_t=\theta_{t-1}-\alpha_t\Big(\frac{m_t}{\sqrt{\hat v_t+\epsilon}}+\lambda\theta_{t-1}\Big)

    Parameters
    ----------
    learning_rate, b1, b2, eps
        As in :func:`adax`.
    weight_decay : float, array or optax schedule
        :math:`\lambda`; the parameters shrink by :math:`\alpha_t\lambda` a step.
    mask : pytree of bools, or callable from parameters to one, optional
        Which leaves decay; all without it.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        ``update`` needs the parameters.

    Raises
    ------
    ValueError
        If a number is out of range; from ``update``, if ``params`` is missing.

    Notes
    -----
    Time and memory: those of ``optax.adamw``.

    Examples
    --------
    >>> optimizer = adaxw(0.1, weight_decay=0.5)
    >>> update, _ = optimizer.update(jnp.array(0.0), optimizer.init(jnp.array(2.0)), jnp.array(2.0))
    >>> print(update)
    -0.1

    References
    ----------
    Li et al., 2020, arXiv:2004.09740. Loshchilov and Hutter, 2019, arXiv:1711.05101.
    """
    not_negative("learning_rate", learning_rate)
    not_negative("weight_decay", weight_decay)
    links = [scale_by_decay(decay_adax(b2), b1, eps, debias=False)]
    if not (isinstance(weight_decay, int | float) and weight_decay == 0):
        shrink = with_rate(weight_decay, lambda rate, u, p: u + times(given(p), rate).astype(u.dtype))
        links.append(shrink if mask is None else optax.masked(shrink, mask))
    return optax.chain(*links, with_rate(learning_rate, lambda rate, u, _: times(u, -rate)))
