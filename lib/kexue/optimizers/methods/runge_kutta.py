"""Gradient descent as Euler's method for the gradient flow, and the methods of higher order beside it."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact, PyTree, ScalarLike

from ..._check import floating, not_negative
from ..._updates import is_inexact
from ._leaves import times

__all__ = ["runge_kutta_step", "stability_polynomial"]

# By order: how far along the last slope each stage looks, and what its own slope weighs in the step.
STAGES = {
    1: [(0.0, 1.0)],
    2: [(0.0, 1 / 2), (1.0, 1 / 2)],
    3: [(0.0, 2 / 9), (1 / 2, 1 / 3), (3 / 4, 4 / 9)],
    4: [(0.0, 1 / 6), (1 / 2, 1 / 3), (1 / 2, 1 / 3), (1.0, 1 / 6)],
}


def runge_kutta_step(grad_fn: Callable[[Any], PyTree], params: PyTree, step_size: ScalarLike, order: int) -> PyTree:
    r"""One step along the gradient flow :math:`\dot\theta=-g(\theta)` by an explicit Runge-Kutta method.

    .. math:: k_i=g(\theta-hc_ik_{i-1}),\qquad \theta'=\theta-h\sum_{i=1}^sb_ik_i

    =====  ===============================  ==========================================================
    order  method                           :math:`c` and :math:`b`
    =====  ===============================  ==========================================================
    1      Euler: gradient descent          0 and 1
    2      Heun                             0, 1 and 1/2, 1/2
    3      Bogacki-Shampine, third order    0, 1/2, 3/4 and 2/9, 1/3, 4/9
    4      Runge-Kutta                      0, 1/2, 1/2, 1 and 1/6, 1/3, 1/3, 1/6
    =====  ===============================  ==========================================================

    An optax transformation sees one gradient a call; this needs ``order`` of them, so it takes the gradient function.

    Parameters
    ----------
    grad_fn : callable
        From parameters to their gradient, ``jax.grad(loss)`` say; called ``order`` times.
    params : pytree of float arrays
        Leaves of integers are kept.
    step_size : float, at least 0
        :math:`h`. May be traced.
    order : int from 1 to 4

    Returns
    -------
    pytree
        The structure and the dtypes of ``params``.

    Raises
    ------
    ValueError
        If ``order`` is none of these or ``step_size`` is negative or not finite.

    Notes
    -----
    Time: ``order`` gradients. Memory: two gradients and two copies of the parameters.

    Examples
    --------
    >>> print(runge_kutta_step(jax.grad(lambda x: x**2 / 2), jnp.array(1.0), 2.0, order=2))  # 1 − 2 + 2²/2
    1.0

    References
    ----------
    Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, 1993, chapter II.1.
    """
    _check_order(order)
    not_negative("step_size", step_size)

    def back(params: PyTree, share: float, slope: PyTree) -> PyTree:
        def move(p: Any, k: Any) -> Any:
            return p - times(k.astype(p.dtype), jnp.asarray(share * step_size)) if is_inexact(p) else p

        return jax.tree.map(move, params, slope)

    params = jax.tree.map(jnp.asarray, params)
    end, slope = params, None
    for reach, weight in STAGES[order]:
        slope = grad_fn(back(params, reach, slope) if reach else params)
        end = back(end, weight, slope)
    return end


def stability_polynomial(z: Inexact[Array, "*shape"] | ScalarLike, order: int) -> Inexact[Array, "*shape"]:
    r"""The factor by which one step of any method of ``order`` stages and order multiplies an error.

    .. math:: R_s(z)=\sum_{j=0}^s\frac{(-z)^j}{j!},\qquad z=h\lambda,\qquad s\le4

    A curvature :math:`\lambda` is stable while :math:`\lvert R_s\rvert\le1`: up to
    :math:`z=2,\;2,\;2.5127,\;2.7853`, which is 2, 1, 0.84 and 0.70 for each gradient.

    Parameters
    ----------
    z : real or complex array, or number
        Step size times curvature.
    order : int from 1 to 4
        :math:`s`.

    Returns
    -------
    array of the shape of ``z``

    Raises
    ------
    ValueError
        If ``order`` is not from 1 to 4.

    Notes
    -----
    Cost: ``order`` products an entry.

    Examples
    --------
    >>> print(stability_polynomial(jnp.array([0.0, 1.0, 2.0]), 2))  # 1 − z + z²/2
    [1.  0.5 1. ]

    References
    ----------
    Hairer and Wanner, Solving Ordinary Differential Equations II, 1996, chapter IV.2.
    """
    _check_order(order)
    z = floating(z)
    total = jnp.full_like(z, 1 / math.factorial(order))
    for j in range(order - 1, -1, -1):
        total = 1 / math.factorial(j) - z * total
    return total


def _check_order(order: Any) -> None:
    if isinstance(order, bool) or order not in STAGES:
        raise ValueError(f"order must be 1, 2, 3 or 4, got {order!r}")
