"""Moving averages of squared gradients, told apart by one sequence: how much of the past each step keeps."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, ScalarLike

from ..._check import at_least_one, positive, require

__all__ = ["decay_adam", "decay_adax", "decay_mean", "decay_power", "past_weights"]

Decay = Callable[[Any], Array]


def decay_adam(beta2: ScalarLike) -> Decay:
    r"""Adam's average with its bias correction: it forgets at a constant rate.

    .. math:: &\hat v_t=b_t\hat v_{t-1}+(1-b_t)g_t^2,\\
              &b_t=\beta_2\frac{1-\beta_2^{t-1}}{1-\beta_2^t}

    Parameters
    ----------
    beta2 : float in [0, 1)
        :math:`\beta_2`, the limit of :math:`b_t`.

    Returns
    -------
    callable
        From the step ``t``, an integer of at least 1 or an array of them, to :math:`b_t` in [0, 1) of the same shape.

    Raises
    ------
    ValueError
        If ``beta2`` is out of range; the callable, if ``t`` is below 1.

    Notes
    -----
    Cost: a few operations a step, whatever the number of parameters. As everywhere in this family :math:`b_1=0`, so
    nothing is left of a start at zero, and the weights of past gradients sum to one.

    Examples
    --------
    >>> print(decay_adam(0.5)(jnp.array([1, 2, 100])).round(4))  # 1 − 0.5 / (1 − 0.5²) = 1/3
    [0.     0.3333 0.5   ]

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, arXiv:1412.6980.
    """
    require("beta2", beta2, "in [0, 1)", lambda value: (value >= 0) & (value < 1))

    def decay(t: Int[Array, "*shape"] | int) -> Float[Array, "*shape"]:
        t, fresh = _step(t), _number(1 - beta2)
        newest = fresh / -jnp.expm1(t * jnp.log1p(-fresh))  # 1 − β₂ᵗ is lost to cancellation otherwise
        return jnp.where(t > 1, 1 - newest, 0)

    return decay


def decay_power(c: ScalarLike = 0.8) -> Decay:
    r"""AdaFactor's average, over a window that grows with the power :math:`c` of the step.

    .. math:: b_t=1-t^{-c}

    The weight of the first gradient tends to zero for :math:`c\le1`, and to a positive number for :math:`c>1`.

    Parameters
    ----------
    c : float, positive

    Returns
    -------
    callable
        From the step ``t``, an integer of at least 1 or an array of them, to :math:`b_t` in [0, 1] of the same shape.

    Raises
    ------
    ValueError
        If ``c`` is not positive and finite; the callable, if ``t`` is below 1.

    Notes
    -----
    Cost: a few operations a step, whatever the number of parameters.

    Examples
    --------
    >>> print(decay_power(0.5)(jnp.array([1, 4, 100])))
    [0.  0.5 0.9]

    References
    ----------
    Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, arXiv:1804.04235, section 7.
    """
    positive("c", c)
    return lambda t: -jnp.expm1(-_number(c) * jnp.log(_step(t)))


def decay_mean() -> Decay:
    r"""The plain mean of all squared gradients: Adagrad with the rate :math:`\alpha\sqrt t`.

    .. math:: b_t=1-\frac1t

    It is the border: :math:`t\hat v_t` never falls, whatever the gradients, if and only if no :math:`b_t` is smaller.

    Returns
    -------
    callable
        From the step ``t``, an integer of at least 1 or an array of them, to :math:`b_t` in [0, 1) of the same shape;
        it raises a `ValueError` if ``t`` is below 1.

    Notes
    -----
    Cost: two operations a step, whatever the number of parameters.

    Examples
    --------
    >>> print(decay_mean()(jnp.array([1, 2, 4])))
    [0.   0.5  0.75]

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods", JMLR 12, 2011.
    Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018, arXiv:1904.09237.
    """

    def decay(t: Int[Array, "*shape"] | int) -> Float[Array, "*shape"]:
        t = _step(t)
        return (t - 1) / t

    return decay


def decay_adax(b2: ScalarLike = 1e-4) -> Decay:
    r"""AdaX's average, which remembers the first gradients for ever.

    .. math:: b_t=1-\frac{\beta_2}{(1+\beta_2)^t-1}

    It is the normalised form of :math:`v_t=(1+\beta_2)v_{t-1}+\beta_2g_t^2`, which overflows. Up to
    :math:`t\ll1/\beta_2` it is the plain mean; after that the first :math:`s` steps keep a share
    :math:`1-(1+\beta_2)^{-s}` of the weight whatever follows.

    Parameters
    ----------
    b2 : float, positive
        :math:`\beta_2`.

    Returns
    -------
    callable
        From the step ``t``, an integer of at least 1 or an array of them, to :math:`b_t` in [0, 1] of the same shape;
        1 where the weight of a new gradient is below the precision.

    Raises
    ------
    ValueError
        If ``b2`` is not positive and finite; the callable, if ``t`` is below 1.

    Notes
    -----
    Cost: a few operations a step, whatever the number of parameters.

    Examples
    --------
    >>> print(decay_adax(0.5)(jnp.array([1, 2, 1000])))  # 1 − 0.5 / (1.5² − 1) = 0.6
    [0.  0.6 1. ]

    References
    ----------
    Li, Zhang, Wang and Luo, "AdaX: adaptive gradient descent with exponential long term memory", 2020, arXiv:2004.09740.
    """
    positive("b2", b2)

    def decay(t: Int[Array, "*shape"] | int) -> Float[Array, "*shape"]:
        t, growth = _step(t), _number(b2)
        exponent = t * jnp.log1p(growth)
        # Divided through by (1 + β₂)ᵗ, which would overflow: here the weight underflows to the zero that it is.
        newest = growth * jnp.exp(-exponent) / -jnp.expm1(-exponent)
        return jnp.where(t > 1, 1 - newest, 0)

    return decay


def past_weights(decay: Decay, steps: int) -> Float[Array, " steps"]:
    r"""The weight that each of the last ``steps`` squared gradients has in their average.

    .. math:: w_s=(1-b_s)\prod_{u=s+1}^{T}b_u,\qquad s=1,\dots,T

    Parameters
    ----------
    decay : callable
        From the step to :math:`b_t`: one of this family, or any other.
    steps : int, at least 1
        :math:`T`.

    Returns
    -------
    float (steps,)
        First gradient first. They sum to :math:`1-\prod_tb_t`, which is 1 if :math:`b_1=0`.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Notes
    -----
    Time and memory grow with ``steps``.

    Examples
    --------
    >>> print(past_weights(decay_mean(), 4).round(4))
    [0.25 0.25 0.25 0.25]
    """
    at_least_one("steps", steps)
    kept = jax.vmap(decay)(jnp.arange(1, steps + 1, dtype=jnp.int32))
    survives = jnp.cumprod(jnp.append(kept[1:], jnp.ones((), kept.dtype))[::-1])[::-1]
    return (1 - kept) * survives


def _step(t: Any) -> Array:
    # Counted in int32: float32 stops counting at 2²⁴.
    require("t", t, "at least 1", lambda value: value >= 1)
    return _number(t)


def _number(value: Any) -> Array:
    return jnp.asarray(value).astype(jnp.result_type(float))
