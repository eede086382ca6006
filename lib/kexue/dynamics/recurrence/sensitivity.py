"""How a trajectory answers to its parameters, and what fitting an Euler cell makes of them."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Inexact, PyTree, ScalarLike

from ..._check import batch, floating, positive
from .cells import OdeCell, observe, unroll, whole_steps

__all__ = ["euler_bias", "sensitivity_growth"]


def sensitivity_growth(
    field: Callable[..., Any],
    params: PyTree,
    x0s: PyTree,
    times: Any,
    *,
    step: ScalarLike,
    method: str = "rk4",
) -> Float[Array, " times"]:
    r"""How the derivative of a trajectory with respect to its parameters grows in time.

    .. math:: g(T)=\Big\langle\ln\Big\lVert\frac{\partial x(T)}{\partial p}\Big\rVert_F\Big\rangle_{x(0)}

    It falls where a flow contracts, and for a chaotic flow its slope tends to the largest Lyapunov exponent: a loss of
    the state at time T has gradients of size :math:`e^{g(T)}`, whatever computes them.

    Parameters
    ----------
    field : callable
        ``field(x, t, params)``, the velocity.
    params : pytree of floats
        With respect to all of them.
    x0s : pytree of arrays (starts, ...)
        Many states; the mean is over them.
    times : float (times,)
        Positive multiples of ``step``, known before tracing.
    step, method
        Of the `OdeCell`.

    Returns
    -------
    float (times,)
        :math:`g`. In single precision, derivatives beyond :math:`10^{38}` are infinite.

    Raises
    ------
    ValueError
        A time that is not a positive multiple of ``step``, ``params`` that are not floating, or no start.

    Notes
    -----
    Time: one trajectory for each start and parameter, by forward differentiation. Works under ``jit``; compiles once
    for a field, a step and a number of steps.

    Examples
    --------
    For :math:`\dot x=ax` the derivative is :math:`Te^{aT}x_0`:

    >>> growth = sensitivity_growth(lambda x, t, a: a * x, 0.5, jnp.ones((1, 1)), [1.0, 2.0], step=0.1)
    >>> print(growth.round(4), (jnp.log(jnp.array([1.0, 2.0])) + jnp.array([0.5, 1.0])).round(4))
    [0.5    1.6931] [0.5    1.6931]
    """
    index = whole_steps(times, step)
    if (index == 0).any():
        raise ValueError("times must be positive: a start does not depend on the parameters")
    x0s = jax.tree.map(floating, x0s)
    for leaf in jax.tree.leaves(x0s):
        batch("x0s", leaf)
    params = jax.tree.map(floating, params)
    return _growth(OdeCell(field, step, method), params, x0s, jnp.asarray(index), int(index.max()))


@eqx.filter_jit
def _growth(cell: Any, params: PyTree, x0s: PyTree, index: Array, steps: int) -> Array:
    flat, restore = ravel_pytree(params)

    def seen(flat: Array, x0: PyTree) -> PyTree:
        flow = OdeCell(lambda x, t: cell.field(x, t, restore(flat)), cell.step, cell.method)
        return observe(unroll(flow, x0, steps), index)

    def logs(x0: PyTree) -> Array:
        jacobian = jax.tree.leaves(jax.jacfwd(seen)(flat, x0))  # each of shape (times, ..., parameters)
        squares = [jnp.sum(jnp.abs(leaf.reshape(len(index), -1)) ** 2, axis=1) for leaf in jacobian]
        return jnp.log(sum(squares[1:], squares[0])) / 2

    return jax.vmap(logs)(x0s).mean(axis=0)


def euler_bias(a: Any, step: Any) -> Inexact[Array, "*shape"]:
    r"""What is wrong with the rate that an Euler cell finds in exact data of :math:`\dot x=ax`, without any misfit.

    .. math:: \hat a-a=\frac{e^{ah}-1}{h}-a=\frac{a^2h}2+\frac{a^3h^2}6+\dots

    Parameters
    ----------
    a : float or complex (...)
        The true rate; imaginary for an oscillation.
    step : float (...)
        :math:`h>0`. Broadcasts against ``a``.

    Returns
    -------
    float or complex (...)
        :math:`\hat a-a`, to full relative precision also where it is small.

    Raises
    ------
    ValueError
        ``step`` not positive.

    Notes
    -----
    From a fitted :math:`\hat a` the truth is :math:`a=\ln(1+\hat ah)/h`.

    Examples
    --------
    >>> print(f"{euler_bias(-1.3, 0.25):.4f}")
    0.1901

    References
    ----------
    K. Ott et al., ResNet after all? Neural ODEs and their numerical solution, 2021, arXiv:2007.15386.
    """
    positive("step", step)
    a, step = floating(a), floating(step)
    z = a * step.astype(a.dtype)
    # (exp(z) - 1 - z) / z², which loses its digits near zero, and there is a short series.
    is_small = jnp.abs(z) < 0.5
    small, large = jnp.where(is_small, z, 0), jnp.where(is_small, 1, z)
    series = jnp.zeros_like(z)
    for power in range(13, -1, -1):
        series = series * small + 1 / math.factorial(power + 2)
    return a * z * jnp.where(is_small, series, (jnp.expm1(large) - large) / large**2)
